"""A bank for local use: a consumer of SNAP virtual account services, with customers, books and bad days.

It knows the published SNAP documents and nothing of the biller it calls. Money is whole rupiah. It never holds a
payment as done that the biller refused, and keeps one whose outcome it does not know until it does. See README.md.
"""
