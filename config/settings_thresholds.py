"""Pure: settings of judging a picture: where a measure becomes a verdict."""

from __future__ import annotations

from config.setting import Section


class Thresholds(Section):
    """Every field is a field of the same name and default in ``health.thresholds``."""
