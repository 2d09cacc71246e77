"""A bank's bad day, played through the doors: as many payments as asked for, with everything that goes wrong; at the end three books must agree.

The bank's own books, our ledger, and the reconciliation of the bank's file with it: every rupiah is in all three, or the day has failed.
"""
