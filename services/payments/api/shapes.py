"""What the HTTP API takes and gives. Requests forbid unknown fields; answers hold no personal data."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator

from chassis.http import field_fault
from contracts.events.contributions import RepeatProfile, SignatureMode, Strictness
from services.payments.domain.parameters import PREPAY_MONTHS
from services.payments.domain.partners import MOST_LIVE_KEYS
from services.payments.domain.snap.signing import UnfitKey, public_key

PartnerName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,31}$")]
Header36 = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,36}$")]
Prefix = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,8}$")]
Pem = Annotated[str, StringConstraints(max_length=4_000)]
Keys = Annotated[tuple[Pem, ...], Field(min_length=1, max_length=MOST_LIVE_KEYS)]


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _can_be_billed(months: int) -> int:
    if months not in PREPAY_MONTHS:
        raise field_fault(
            "not_a_choice",
            id="Pilih 1, 2, 3, 6 atau 12 bulan.",
            en="Choose 1, 2, 3, 6 or 12 months.",
        )
    return months


class BillWanted(_Asked):
    """`months`: how many contribution months from the oldest unpaid one on."""

    participant_id: UUID
    months: Annotated[
        int, Field(strict=True, json_schema_extra={"enum": [*PREPAY_MONTHS]}), AfterValidator(_can_be_billed)
    ]


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


class PartnerWanted(_WithKeys):
    """A bank that may call. Without `client_secret` one is drawn and shown once, in this answer."""

    partner: PartnerName
    name: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    client_key: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")]
    client_secret: Annotated[str, StringConstraints(pattern=r"^[!-~]{16,255}$")] | None = Field(
        default=None, repr=False
    )
    partner_ids: Annotated[tuple[Header36, ...], Field(min_length=1, max_length=10)]
    va_prefixes: Annotated[tuple[Prefix, ...], Field(min_length=1, max_length=10)]
    signature_mode: SignatureMode = SignatureMode.SYMMETRIC
    repeat_profile: RepeatProfile = RepeatProfile.SPEC
    strictness: Strictness = Strictness()


class KeysWanted(_WithKeys):
    """The keys that are live from now on: two while one is being rotated."""


class DisableWanted(_Asked):
    reason: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class BillShown(BaseModel):
    bill_id: UUID
    participant_id: UUID
    kind: str
    months: list[MonthShown]
    amount: int
    status: str
    reason: str | None
    issued_at: datetime
    expires_at: datetime
    payment_id: UUID | None
    rules: str


class MonthShown(BaseModel):
    month: str
    base: int
    jkk: int
    jkm: int
    jht: int
    discounted: bool


class PaymentShown(BaseModel):
    """`bill_id` and `kind` are null where the money never settled a bill: it waits in suspense, or did."""

    payment_id: UUID
    participant_id: UUID
    bill_id: UUID | None
    kind: str | None
    partner: str
    channel: str
    channel_reference: str
    amount: int
    months: list[MonthShown]
    effective_at: datetime
    posted_at: datetime
    reversed_for: str | None


class TotalsShown(BaseModel):
    """`billed` and `paid` count participants; `contributions` is what stands as paid, whole rupiah."""

    participants: int
    billed: int
    paid: int
    contributions: int


class AccountShown(BaseModel):
    """`balance`: debit minus credit, whole rupiah."""

    account: str
    debit: int
    credit: int
    balance: int


class TrialBalanceShown(BaseModel):
    """`imbalance` is 0 or something is badly wrong; `contributions` and `suspense` as amounts that we hold."""

    accounts: list[AccountShown]
    debit: int
    credit: int
    imbalance: int
    contributions: int
    suspense: int


class TransferShown(BaseModel):
    event_id: UUID
    line: int
    debit: str
    credit: str
    amount: int
    payment_id: UUID | None
    participant_id: UUID | None
    month: str | None
    occurred_at: datetime


class StatementShown(BaseModel):
    """`next` continues the statement; null at its end."""

    account: str
    transfers: list[TransferShown]
    next: str | None


class PartnerShown(BaseModel):
    """Terms without secrets."""

    partner: str
    name: str
    client_key: str
    partner_ids: list[str]
    va_prefixes: list[str]
    live_keys: int
    signature_mode: str
    repeat_profile: str
    strictness: Strictness
    enabled: bool
    disabled_for: str | None


BillShown.model_rebuild()
PaymentShown.model_rebuild()
