"""What notifications does, always on a batch: tell people (`inform`), call the provider (`send`), take its receipts
(`receive`).
"""
