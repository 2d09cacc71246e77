"""Settings of audit: the log's name, its key, and where copies of its checkpoints go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BeforeValidator, Field

from chassis import settings
from chassis.settings import base64_key
from services.audit.cold.shelf import COLD, Shelf
from services.audit.domain.notes import BadNote, NoteKey

KEY_BYTES = 32


def _name(value: str) -> str:
    try:
        return NoteKey(value, bytes(KEY_BYTES)).name
    except BadNote as error:
        raise ValueError(str(error)) from None


class Settings(settings.Settings):
    audit_log: Annotated[str, BeforeValidator(_name)] = "perisai.example/audit"
    """The log's name for ever, like the address of a page: it stands in every checkpoint."""
    audit_signing_key: Annotated[bytes, base64_key(KEY_BYTES)] = Field(repr=False)
    """The seed of the Ed25519 key that signs checkpoints."""
    audit_folder: Path
    """Where checkpoints are written outside the database, for a branch or the union to keep."""
    audit_cold: Path | None = None
    """Where cold months lie; default: the folder `cold` in `audit_folder`."""
    audit_sign_every_s: float = Field(default=10.0, gt=0)

    @property
    def signing_key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.audit_signing_key)

    @property
    def shelf(self) -> Shelf:
        return Shelf(self.audit_cold or self.audit_folder / COLD)

    @property
    def public_key(self) -> NoteKey:
        """What whoever checks a proof must know."""
        return NoteKey(self.audit_log, self.signing_key.public_key().public_bytes_raw())
