"""Recomputes the log from its records and says what was done to it, if anything."""
