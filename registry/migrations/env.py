"""Edge: Alembic's entry. It runs on the connection that ``registry.migrations.run`` hands it, and on no other."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
context.run_migrations()
