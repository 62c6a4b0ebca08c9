"""Floor 2: the only importers of the codec library."""
