"""Uploaded tables of registrations: every row gets one result, whatever crashes in between; the same file twice is
one import.
"""
