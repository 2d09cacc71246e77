"""A QRIS acquirer for local use: it makes codes for merchants, takes the money of wallets, and tells the merchant.

It knows the published SNAP documents and nothing of the merchant it serves. Money is whole rupiah. See README.md.
"""
