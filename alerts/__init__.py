"""Floor 5: what people are told: incidents, which of them are one, and messages until they are delivered."""
