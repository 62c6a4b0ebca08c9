"""Edge: the migrations themselves. None imports a table: each says what held when it was written."""
