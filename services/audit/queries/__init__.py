"""What is asked of the archive."""
