"""New identifiers: time-ordered (UUIDv7), so the indexes they are kept in stay tight."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new UUIDv7 as a standard `uuid.UUID` (the native type of uuid-utils is not one)."""
    return uuid7()
