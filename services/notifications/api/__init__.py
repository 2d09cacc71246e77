"""HTTP of notifications: what became of messages, and the provider's receipts."""
