"""Edge: the schema's history, one line of migrations for all rooms. How to add one: see ``README.md`` beside this."""
