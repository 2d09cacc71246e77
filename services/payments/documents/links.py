"""Links that open one document until they expire: signed, so whoever holds one needs no token, and nobody can make or change one.

A link names a kind, an id and the second at which it ends; the signature is an HMAC-SHA256 over all three under a key of its own.
"""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from chassis.privacy.derive import subkey

_SIGNATURE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_SECONDS: Final = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Link:
    """What goes into the query of the address. `expires`: seconds since 1970, wall time."""

    expires: int
    signature: str

    @classmethod
    def read(cls, expires: str, signature: str) -> Link | None:
        """From the texts of a query; None where they are not of this form, so no link that was ever signed."""
        if _SECONDS.fullmatch(expires) is None or _SIGNATURE.fullmatch(signature) is None:
            return None
        return cls(int(expires), signature)

    @property
    def query(self) -> str:
        return f"expires={self.expires}&signature={self.signature}"

    @property
    def expires_at(self) -> datetime:
        return datetime.fromtimestamp(self.expires, UTC)


class Links:
    def __init__(self, master_key: bytes) -> None:
        """`master_key`: 64 bytes, this service's own."""
        self._key = subkey(master_key, "document-links")

    def sign(self, kind: str, document: UUID, expires_at: datetime) -> Link:
        """A link to this document of this kind. It ends at the full second before `expires_at` (wall time)."""
        expires = int(expires_at.timestamp())
        return Link(expires, self._signature(kind, document, expires))

    def holds(self, kind: str, document: UUID, link: Link, wall: datetime) -> bool:
        """Whether this very link was signed and has not ended."""
        known = self._signature(kind, document, link.expires)
        return hmac.compare_digest(known.encode(), link.signature.encode()) and wall.timestamp() < link.expires

    def _signature(self, kind: str, document: UUID, expires: int) -> str:
        mac = hmac.digest(self._key, f"{kind}\n{document}\n{expires}".encode(), "sha256")
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
