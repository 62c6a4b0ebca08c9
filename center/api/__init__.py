"""The HTTP API: its frame (who asks, from where, how much, how often), and its routes."""
