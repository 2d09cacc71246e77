"""SNAP, the biller's side of virtual accounts: token (73), inquiry (24), payment (25), status (26)."""
