"""The SNAP protocol as a biller speaks it: signatures, fields, codes (Bank Indonesia's standard; shared handbook
`snap.md`).
"""
