"""Pure: the one error that is the command line's own."""

from __future__ import annotations


class Usage(Exception):
    """Arguments that argparse lets through but that make no sense together; its text says what is allowed."""
