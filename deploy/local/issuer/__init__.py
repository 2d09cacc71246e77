"""A token issuer for local use: an OIDC-like outside party that signs ES256 tokens for persons and services.

It knows OAuth 2.0 client credentials (RFC 6749), JWT (RFC 7519) and discovery; nothing of the services that verify
its tokens. Time is the wall clock. See README.md.
"""
