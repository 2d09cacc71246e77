"""Tells people what happened: at most one message per event, recipient and channel, and what became of it."""
