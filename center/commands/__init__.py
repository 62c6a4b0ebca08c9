"""One file a command; ``center.cli`` loads the one that was asked for."""
