"""What a month would have come to under other rules: the rules of `domain` over the state that the archive comes to, built beside what is live.

Nothing is recorded and nothing live is touched: no command runs, the tables built are the shadow's, and they are read on a read-only connection
that finds no others.
"""
