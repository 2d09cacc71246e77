"""Bills, the channels that pay them, and the ledger: every rupiah in one place, counted once."""
