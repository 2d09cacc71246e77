"""What the HTTP API takes and gives about partners. Secrets go in, and come out once, when they were drawn here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from ipaddress import ip_network
from itertools import pairwise
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from chassis.http import Day, Moment, field_fault
from contracts.events.contributions import FieldLength, RepeatProfile, SignatureMode, Strictness
from contracts.events.partners import TimesAndLimits
from services.payments.domain.balance import BALANCE_PARTNER
from services.payments.domain.credit import OWN
from services.payments.domain.partners import MOST_LIVE_KEYS
from services.payments.domain.snap.signing import UnfitKey, public_key
from services.payments.domain.snap.strict import FIELDS, MOST_AMOUNT_DIGITS, VERSIONS, is_shorter

PartnerName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,31}$")]
Header36 = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,36}$")]
Prefix = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,8}$")]
Pem = Annotated[str, StringConstraints(max_length=4_000)]
Keys = Annotated[tuple[Pem, ...], Field(min_length=1, max_length=MOST_LIVE_KEYS)]
Secret = Annotated[str, StringConstraints(pattern=r"^[!-~]{16,255}$")]
MOST_NETWORKS = 50
OURS = (BALANCE_PARTNER, OWN)
"""Partners that no bank is: what is paid from an agent's balance, and from credit."""


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StrictnessWanted(Strictness):
    """Refused here, not at the bank's next call."""

    def agreed(self) -> Strictness:
        return Strictness(**dict(self))

    @field_validator("amount_digits")
    @classmethod
    def _fits_a_number(cls, digits: int) -> int:
        if not 1 <= digits <= MOST_AMOUNT_DIGITS:
            raise field_fault(
                "out_of_range",
                id=f"Isi 1 sampai {MOST_AMOUNT_DIGITS} digit.",
                en=f"Give 1 to {MOST_AMOUNT_DIGITS} digits.",
            )
        return digits

    @field_validator("channel_ids")
    @classmethod
    def _are_channels(cls, found: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(one) > 5 or not one.isprintable() for one in found):
            raise field_fault(
                "not_a_channel", id="CHANNEL-ID paling banyak 5 karakter.", en="A CHANNEL-ID has at most 5 characters."
            )
        return found

    @field_validator("source_networks")
    @classmethod
    def _are_networks(cls, found: tuple[str, ...]) -> tuple[str, ...]:
        if len(found) > MOST_NETWORKS or not all(map(_is_network, found)):
            raise field_fault(
                "not_a_network",
                id=f"Tulis paling banyak {MOST_NETWORKS} jaringan, misalnya 10.1.0.0/16.",
                en=f"Write {MOST_NETWORKS} networks at most, such as 10.1.0.0/16.",
            )
        return found

    @field_validator("mandatory_fields")
    @classmethod
    def _are_fields(cls, found: tuple[str, ...]) -> tuple[str, ...]:
        return _all_known(found)

    @field_validator("lengths")
    @classmethod
    def _are_shorter(cls, found: tuple[FieldLength, ...]) -> tuple[FieldLength, ...]:
        _all_known([one.field for one in found])
        if not all(is_shorter(one.field, one.most) for one in found):
            raise field_fault(
                "not_shorter",
                id="Hanya teks yang dapat diperpendek, paling sedikit 1 dan paling banyak panjang resminya.",
                en="Only texts can be shortened, to 1 or more and to no more than their official length.",
            )
        return found

    @field_validator("versions")
    @classmethod
    def _are_served(cls, found: tuple[str, ...]) -> tuple[str, ...]:
        if not found or not {*found} <= {*VERSIONS}:
            raise field_fault(
                "not_a_version", id=f"Pilih dari {', '.join(VERSIONS)}.", en=f"Choose from {', '.join(VERSIONS)}."
            )
        return found

    @field_validator("sub_company")
    @classmethod
    def _fits(cls, found: str) -> str:
        if len(found) > 5 or not found.isprintable():
            raise field_fault("too_long", id="Paling banyak 5 karakter.", en="At most 5 characters.")
        return found


class _WithKeys(_Asked):
    public_keys: Keys

    @field_validator("public_keys")
    @classmethod
    def _are_fit(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            try:
                public_key(key)
            except UnfitKey:
                raise field_fault(
                    "unfit_key",
                    id="Kirim kunci publik RSA 2048 bit atau lebih dalam bentuk PEM.",
                    en="Send an RSA public key of 2,048 bits or more in PEM.",
                ) from None
        return keys


class TermsWanted(_Asked):
    """Everything that was agreed but keys and secrets."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    partner_ids: Annotated[tuple[Header36, ...], Field(min_length=1, max_length=10)]
    va_prefixes: Annotated[tuple[Prefix, ...], Field(min_length=1, max_length=10)]
    signature_mode: SignatureMode = SignatureMode.SYMMETRIC
    repeat_profile: RepeatProfile = RepeatProfile.SPEC
    strictness: StrictnessWanted = StrictnessWanted()

    @field_validator("va_prefixes")
    @classmethod
    def _are_told_apart(cls, found: tuple[str, ...]) -> tuple[str, ...]:
        """A file gives a number without its prefix beside it; sorted, a prefix stands right before one that it begins."""
        ordered = sorted(found)
        if any(longer.startswith(shorter) for shorter, longer in pairwise(ordered)):
            raise field_fault(
                "overlapping",
                id="Satu awalan tidak boleh menjadi permulaan awalan lain, karena nomor dapat dibaca dengan dua cara. Hapus salah satunya.",
                en="No prefix may be the beginning of another, for a number could be read in two ways. Leave one of them out.",
            )
        return found


class PartnerWanted(_WithKeys, TermsWanted):
    """A bank that may call. Without `client_secret` one is drawn and shown once, in this answer."""

    partner: PartnerName
    client_key: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")]
    client_secret: Secret | None = Field(default=None, repr=False)

    @field_validator("partner")
    @classmethod
    def _is_nobody_of_ours(cls, name: str) -> str:
        if name in OURS:
            raise field_fault(
                "reserved",
                id=f"Nama {name} dipakai pembukuan Perisai sendiri; pilih nama lain.",
                en=f"The name {name} belongs to Perisai's own books; choose another.",
            )
        return name


class KeysWanted(_WithKeys):
    """The keys that are live from now on. With `old_until` it is one new key, and the newest of before lives on until then; that is
    refused while an older one still lives.
    """

    old_until: Moment | None = None

    @model_validator(mode="after")
    def _are_two_at_most(self) -> KeysWanted:
        if self.old_until is not None and len(self.public_keys) > 1:
            raise field_fault(
                "too_many",
                id="Dengan old_until kirim satu kunci baru saja.",
                en="With old_until send the one new key alone.",
            )
        return self


class SecretWanted(_Asked):
    """Another client secret, drawn here when it is not given; the one before lives on until `old_until`, else it dies now. While an older
    one still lives, `old_until` is refused; `instead_of` takes the place of the newest (its `secret_id`), which nobody received, and leaves
    the older one its end.
    """

    client_secret: Secret | None = Field(default=None, repr=False)
    old_until: Moment | None = None
    instead_of: UUID | None = None

    @model_validator(mode="after")
    def _has_one_end(self) -> SecretWanted:
        if self.old_until is not None and self.instead_of is not None:
            raise field_fault(
                "too_many",
                id="Dengan instead_of jangan kirim old_until: yang lama tetap berlaku sampai waktunya.",
                en="With instead_of leave out old_until: the old one keeps the end that it has.",
            )
        return self


class ConditionsWanted(_Asked):
    """Times and limits from a WIB day on; what is left out limits nothing."""

    valid_from: Day
    conditions: TimesAndLimits


class DisableWanted(_Asked):
    reason: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class KeyShown(BaseModel):
    """`fingerprint`: SHA-256 of the key's DER form, hex. `until`: when it dies (wall time); null: not by itself."""

    fingerprint: str
    until: AwareDatetime | None


class SecretShown(BaseModel):
    """That there is a secret, never which."""

    secret_id: UUID
    since: AwareDatetime
    until: AwareDatetime | None


class ConditionsShown(BaseModel):
    valid_from: date
    conditions: TimesAndLimits


class PartnerShown(BaseModel):
    """Terms without secrets."""

    partner: str
    name: str
    client_key: str
    partner_ids: list[str]
    va_prefixes: list[str]
    live_keys: int
    keys: list[KeyShown]
    secrets: list[SecretShown]
    signature_mode: str
    repeat_profile: str
    strictness: Strictness
    conditions: list[ConditionsShown]
    enabled: bool
    disabled_for: str | None


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


def _all_known(names: Iterable[str]) -> tuple[str, ...]:
    found = tuple(names)
    if any(name not in FIELDS for name in found):
        raise field_fault(
            "unknown_field",
            id="Tulis layanan dan isian, misalnya payment.referenceNo.",
            en="Write the service and the field, such as payment.referenceNo.",
        )
    return found
