"""Reads, set-based: for deciding, for people, for the registry, for timers."""
