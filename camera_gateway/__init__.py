"""Floor 2: everything that talks to a camera, and the virtual fleet."""
