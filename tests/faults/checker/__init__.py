"""The independent checker: decides from outside whether every promise held, after a run has drained.

It imports nothing of what it judges. Its evidence is SQL under the read-only role, the topics read by itself, the books of the bank, the store of
the messaging gateway, and the journal of whoever drove the load. Logs are searched for personal data, and believed in nothing.
"""
