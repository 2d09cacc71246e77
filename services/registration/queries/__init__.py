"""Reads, set-based: states for deciders (`deciding`), pages for people within the scope of who asks (`pages`,
`agency_pages`).
"""
