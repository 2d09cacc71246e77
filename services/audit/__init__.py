"""Audit: keeps every event byte for byte, and proves to whoever trusts nobody that nothing was changed since."""
