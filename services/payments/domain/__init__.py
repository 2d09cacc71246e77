"""The rules of contributions, bills, the ledger and the SNAP protocol: pure values and functions, no clock, no input
or output.
"""
