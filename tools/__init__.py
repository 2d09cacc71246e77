"""Checks of our own that no off-the-shelf tool makes."""
