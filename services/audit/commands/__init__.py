"""What audit does: archives what it is given, signs what the log has become."""
