"""Floor 2: the virtual fleet, cameras and recorders of our own that misbehave on request."""
