"""What makes an outside party a process of its own: settings, a private database, a server that stops when told.

Nothing here knows a protocol or a word of the project: the parties that use it (issuer, bank, gateway) share only
published documents with the services, and could be lifted out of this repository together with this folder.
"""
