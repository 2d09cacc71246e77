"""What stands alone: files for people outside who check proofs without this system."""
