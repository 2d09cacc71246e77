"""Topic `contributions`: bills, payments, receipts, partners (PP 44/2015, PP 46/2015, PP 50/2025; SNAP)."""

from __future__ import annotations

from enum import StrEnum

from contracts.event import Event, Part
from contracts.sealed import Personal, Sealed
from contracts.values import (
    USUAL_GRACE_MONTHS,
    AgentId,
    Amount,
    BillId,
    Code,
    ContributionCode,
    ContributionMonth,
    Count,
    FundingSource,
    Instant,
    Kpj,
    NikHash,
    ParticipantId,
    PaymentId,
    Programme,
    ProposalId,
    Rupiah,
    Sector,
    ShortText,
)


class BillKind(StrEnum):
    """FIRST opens the first spell, STANDARD continues one (arrears included), REACTIVATION opens a new one after a
    lapse."""

    FIRST = "FIRST"
    STANDARD = "STANDARD"
    REACTIVATION = "REACTIVATION"


class SignatureMode(StrEnum):
    SYMMETRIC = "SYMMETRIC"
    ASYMMETRIC = "ASYMMETRIC"


class RepeatProfile(StrEnum):
    """How a repeated X-EXTERNAL-ID is answered (snap.md section 8)."""

    SPEC = "SPEC"
    BCA = "BCA"


class FieldLength(Part):
    """`field` as "payment.referenceNo"; `most` characters."""

    field: ShortText
    most: Count


class Strictness(Part):
    """What a partner agreed beyond the official field tables (snap.md section 1); the defaults are those tables."""

    numeric_external_ids: bool = False
    """X-EXTERNAL-ID holds digits only."""
    amount_digits: Count = 16
    """Most integer digits of an amount."""
    channel_ids: tuple[ShortText, ...] = ()
    """Allowed CHANNEL-ID values; empty: any."""
    source_networks: tuple[ShortText, ...] = ()
    """Networks the partner may call from, e.g. "10.1.0.0/16"; empty: any."""
    hex_signatures: bool = False
    """Hexadecimal signatures are accepted beside base64 ones."""
    detailed_401: bool = False
    """A 401 carries virtualAccountData as other errors do."""
    sub_company: ShortText = "00000"
    mandatory_fields: tuple[ShortText, ...] = ()
    """Fields beyond the official mandatory ones, e.g. "payment.referenceNo"."""
    lengths: tuple[FieldLength, ...] = ()
    """Lengths shorter than the official ones."""
    token_not_found: bool = False
    """A token that is missing, unknown or expired is 401xx03 instead of 401xx01."""
    versions: tuple[ShortText, ...] = ("v1.0",)
    """Service versions in the paths that may be called."""
    answer_budget_ms: Count = 0
    """How long this partner waits for an answer, if less than we would take; 0: as long as we do."""


class MonthCharge(Part):
    """What one contribution month costs, each component in whole rupiah (domain.md section 5)."""

    month: ContributionMonth
    base: Amount
    jkk: Amount
    jkm: Amount
    jht: Amount
    discounted: bool
    credit: Amount = Rupiah(0)
    """How much of JKK and JKM is paid from the participant's carry-forward credit, JKK first."""
    grace_months: Count = USUAL_GRACE_MONTHS
    """While this is the last month paid, so many months after it may still be paid as arrears; then the participation has ended."""
    from_suspense: Amount = Rupiah(0)
    """How much of `credit` is money that came out of suspense: it was received, and no month was paid with it before. Known when it is paid."""

    @property
    def total(self) -> int:
        return self.jkk + self.jkm + self.jht

    @property
    def due(self) -> int:
        """What is still to be paid in money."""
        return self.total - self.credit

    @property
    def received(self) -> int:
        """The money that came for this month: paid with it, or kept for it since it was in suspense."""
        return self.due + self.from_suspense


class Payer(Personal):
    """What payments keeps of a person: the name a bank shows, and the hash that finds the person by NIK."""

    name: ShortText
    nik_hash: NikHash


class PayerAdded(Event, stream="contributions"):
    """payments noted a registered participant: everything a bill is computed from."""

    participant_id: ParticipantId
    contribution_code: ContributionCode
    income: Amount
    sector: Sector
    programmes: tuple[Programme, ...]
    funding_source: FundingSource
    registration_expires_at: Instant
    payer: Sealed[Payer]
    new_to_bpu: bool | None = None
    """This NIK was never in BPU (a candidate acquisition); None in events of before it was noted."""


class PayerNumbered(Event, stream="contributions"):
    """payments noted the participant number (KPJ) that registration issued with the first payment."""

    participant_id: ParticipantId
    kpj: Kpj


class CashReceived(Event, stream="contributions"):
    """An agent reported cash in hand for a participant's bill. It has no effect on protection; the bill's payment clears it."""

    participant_id: ParticipantId
    bill_id: BillId
    agent_id: AgentId
    amount: Amount
    received_at: Instant


class CashReturned(Event, stream="contributions"):
    """The agent gave cash that he had reported back to the person; it is in hand no more. Cash for the same bill may be reported anew."""

    participant_id: ParticipantId
    bill_id: BillId
    agent_id: AgentId
    amount: Amount
    returned_at: Instant


class PayerCorrected(Event, stream="contributions"):
    """payments noted what prices the months that are not paid yet; paid months keep their price."""

    participant_id: ParticipantId
    income: Amount
    sector: Sector
    programmes: tuple[Programme, ...]
    funding_source: FundingSource


class ContributionBilled(Event, stream="contributions"):
    """A bill fixes its months and amount when issued; `amount` is what its months are due. Payable until `expires_at`
    (exclusive)."""

    bill_id: BillId
    participant_id: ParticipantId
    contribution_code: ContributionCode
    kind: BillKind
    months: tuple[MonthCharge, ...]
    amount: Amount
    funding_source: FundingSource
    expires_at: Instant
    share_of: BillId | None = None
    """The collective bill whose money pays this bill at once; None for a bill that is offered to its payer."""
    sector: Sector | None = None
    """The payer's sector on the day of issue; None in bills that were issued before it was noted."""
    terms: tuple[ShortText, ...] = ()
    """Versions of the sets, beside the one that priced it, by which its months were chosen and have their grace; none in older bills."""


class CreditedMonth(Part):
    """What a paid month had cost more than it does under a later rule, each component in whole rupiah."""

    month: ContributionMonth
    jkk: Amount
    jkm: Amount

    @property
    def total(self) -> int:
        return self.jkk + self.jkm


class CreditGranted(Event, stream="contributions"):
    """Months that were paid at full price are discounted after all: the excess lowers the next bills (PP 50/2025; domain.md section 5)."""

    payment_id: PaymentId
    participant_id: ParticipantId
    months: tuple[CreditedMonth, ...]
    amount: Amount


class CreditWithdrawn(Event, stream="contributions"):
    """The payment that the credit came from is taken back, and the credit with it."""

    payment_id: PaymentId
    participant_id: ParticipantId
    months: tuple[CreditedMonth, ...]
    amount: Amount


class CreditAdded(Event, stream="contributions"):
    """Money that waited in suspense is credit of this participant now; `payment_id` is the receipt it came as. The ledger moves with the
    `PaymentCredited` of the same transaction."""

    payment_id: PaymentId
    participant_id: ParticipantId
    amount: Amount
    proposal_id: ProposalId


class CreditReleased(Event, stream="contributions"):
    """The participation ended for good and nothing is billed any more: the credit that was left is owed until a transfer is confirmed.

    `payment_id` names what is owed, as that of a refund does; no payment has it, as credit is of many.
    """

    payment_id: PaymentId
    participant_id: ParticipantId
    amount: Amount
    reason: Code


class BillNumbered(Event, stream="contributions"):
    """A number was drawn at which this bill alone can be paid, once (SNAP kind CLOSED), beside the payer's contribution code."""

    bill_id: BillId
    participant_id: ParticipantId
    number: ContributionCode


class BillExpired(Event, stream="contributions"):
    bill_id: BillId
    participant_id: ParticipantId


class BillCancelled(Event, stream="contributions"):
    bill_id: BillId
    participant_id: ParticipantId
    reason: Code


class ContributionPaid(Event, stream="contributions"):
    """A bill was settled in full. `effective_at` is the channel's transaction time, `posted_at` our durable write in
    business time."""

    payment_id: PaymentId
    bill_id: BillId
    participant_id: ParticipantId
    kind: BillKind
    partner: ShortText
    channel: ShortText
    channel_reference: ShortText
    amount: Amount
    months: tuple[MonthCharge, ...]
    effective_at: Instant
    posted_at: Instant
    share_of: BillId | None = None
    """The paid collective bill that this is a share of; None for money that came for this participant alone."""
    number: ContributionCode | None = None
    """The bill's own number that it was paid at; None for any other number, or a channel without numbers."""


class ContributionReversed(Event, stream="contributions"):
    """A posted payment no longer settles its bill: its money stands again as owed by the partner.

    With reason `protection_refused` a `PaymentUnmatched` of the same transaction takes it on to suspense, where there was money, and
    `refusal` says why protection was refused; otherwise `refusal` is None. Months that were given back before are not among `months`.
    """

    payment_id: PaymentId
    bill_id: BillId
    participant_id: ParticipantId
    partner: ShortText
    amount: Amount
    months: tuple[MonthCharge, ...]
    reason: Code
    refusal: Code | None


class PaymentUnmatched(Event, stream="receipts"):
    """Money that belongs to no payable bill stands in suspense with its reason. Key: partner and channel reference.

    `bill_id` is the bill that it had settled before, None when it never settled one.
    """

    payment_id: PaymentId
    bill_id: BillId | None
    partner: ShortText
    channel: ShortText
    channel_reference: ShortText
    participant_id: ParticipantId | None
    amount: Amount
    reason: Code
    effective_at: Instant
    share_of: BillId | None = None
    """The paid collective bill whose share this is, where the share was never a payment; None for any other money."""
    number: ContributionCode | None = None
    """The own number of a bill that it came to; None for any other number, or a channel without numbers."""


class ReceiptNamed(Event, stream="receipts"):
    """The partner's own id of a payment that its file had listed without one: both name one receipt. Key: partner and `reference`.

    No money moves: the receipt was booked from the file, under `channel_reference`.
    """

    payment_id: PaymentId
    partner: ShortText
    reference: ShortText
    channel_reference: ShortText


class PartnerEnabled(Event, stream="partners"):
    """A bank or acquirer may call us. Secrets are not part of the event; public keys are."""

    partner: ShortText
    name: ShortText
    client_key: ShortText
    partner_ids: tuple[ShortText, ...]
    va_prefixes: tuple[ShortText, ...]
    public_keys: tuple[str, ...]
    signature_mode: SignatureMode
    repeat_profile: RepeatProfile
    strictness: Strictness


class PartnerKeyRotated(Event, stream="partners"):
    """These keys are live from now on. `old_until`: when the first of two dies (wall time); None: at the next rotation."""

    partner: ShortText
    public_keys: tuple[str, ...]
    old_until: Instant | None = None


class PartnerDisabled(Event, stream="partners"):
    partner: ShortText
    reason: Code


EVENTS: tuple[type[Event], ...] = (
    PayerAdded,
    PayerCorrected,
    PayerNumbered,
    CashReceived,
    CashReturned,
    ContributionBilled,
    CreditGranted,
    CreditWithdrawn,
    CreditAdded,
    CreditReleased,
    BillNumbered,
    BillExpired,
    BillCancelled,
    ContributionPaid,
    ContributionReversed,
    PaymentUnmatched,
    ReceiptNamed,
    PartnerEnabled,
    PartnerKeyRotated,
    PartnerDisabled,
)
