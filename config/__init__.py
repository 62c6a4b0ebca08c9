"""Floor 1: settings, secrets, clock, error kinds and scope. Imports nothing of ours."""
