"""For a bank's integration team: what they need to call us and to find out by themselves why a call fails.

Its side of the wire is written from the published standard (snap.md), apart from ours: nothing here signs with the code that checks.
"""
