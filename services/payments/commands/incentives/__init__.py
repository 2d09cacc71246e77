"""The monthly run of the incentives, what it follows, and what people ask of it."""
