"""What the HTTP API takes and gives about acquirers. Private keys and secrets go in, and never come out."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator

from chassis.http import Moment, field_fault
from services.payments.api.partner_shapes import Header36, Pem, Secret
from services.payments.domain.snap.signing import UnfitKey, private_key

Text255 = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")]


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AcquirerWanted(_Asked):
    """How we call it. `url`: everything before `/access-token/b2b`, version included. `rank`: where nobody says which acquirer makes a code, the
    lowest does.
    """

    url: Text255
    client_key: Text255
    partner_id: Header36
    channel_id: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,5}$")] = "95221"
    merchant_id: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]
    rank: Annotated[int, Field(ge=1, le=99)] = 50

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, found: str) -> str:
        if not _is_address(found):
            raise field_fault(
                "not_an_address",
                id="Tulis alamat https tanpa kueri dan tanpa nama pengguna, misalnya https://contoh.id/snap/v1.0.",
                en="Write an https address without query or user name, such as https://example.com/snap/v1.0.",
            )
        return found.rstrip("/")


class KeyWanted(_Asked):
    """A key pair of ours. Without `private_key` it is drawn here, and its private half never leaves."""

    private_key: Pem | None = Field(default=None, repr=False)

    @field_validator("private_key")
    @classmethod
    def _is_fit(cls, found: str | None) -> str | None:
        try:
            if found is not None:
                private_key(found)
        except UnfitKey:
            raise field_fault(
                "unfit_key",
                id="Kirim kunci privat RSA 2048 bit atau lebih dalam bentuk PEM tanpa kata sandi.",
                en="Send an RSA private key of 2,048 bits or more in PEM without a password.",
            ) from None
        return found


class ClientSecretWanted(_Asked):
    """The client secret that the acquirer gave us."""

    client_secret: Secret = Field(repr=False)


class ActivationWanted(_Asked):
    """`old_until`: up to when (wall time) the one before is tried where the new one is refused; without it that one is gone at once."""

    old_until: Moment | None = None


class CredentialShown(BaseModel):
    """That it is there, never what it is. `use`: PROPOSED, ACTIVE or OLD; `public_key` of a KEY, with the SHA-256 of its DER form in hex."""

    credential_id: UUID
    kind: str
    use: str
    public_key: str | None
    fingerprint: str | None
    until: AwareDatetime | None


class AcquirerShown(BaseModel):
    """`offered`: it can be called now, as its partner is enabled and both a key and a secret sign."""

    partner: str
    url: str
    client_key: str
    partner_id: str
    channel_id: str
    merchant_id: str
    rank: int
    credentials: list[CredentialShown]
    offered: bool


def _is_address(text: str) -> bool:
    """https, or http to this very machine."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    safe = parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(host))
    return safe and bool(host) and port != 0 and not {*"@?#"} & {*text}


def _is_this_machine(host: str | None) -> bool:
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False
