"""How Perisai is run: topics as data, and the local stack."""
