"""Floor 3: what we know of points, devices, cameras and those who look after them; owns the database."""
