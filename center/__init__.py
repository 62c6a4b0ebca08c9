"""Floor 6: the north side: commands, the service, and the one place where everything is wired together."""
