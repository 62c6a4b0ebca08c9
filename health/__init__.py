"""Floor 4: what we measure and conclude about cameras, when, and what state follows from it."""
