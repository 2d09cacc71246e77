"""Layouts, uploads, the work on files, money that came for a day, and cases."""

STREAM = "reconciliation"
"""Keys: a partner's day (files and money), and a case."""
