"""Personal data: sealed per person inside events, encrypted per cell in tables, found by keyed hash, never in clear
elsewhere."""
