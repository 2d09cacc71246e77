"""HTTP: requests to commands and queries, nothing more."""
