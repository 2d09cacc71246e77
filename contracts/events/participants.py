"""Topic `participants`: who is registered and how protection stands (Permenaker 5/2021; Perdir 22/2022)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from contracts.event import Event, Part
from contracts.sealed import Personal, Sealed
from contracts.values import (
    USUAL_GRACE_MONTHS,
    AgentId,
    Amount,
    Code,
    ContributionCode,
    ContributionMonth,
    Count,
    FundingSource,
    Instant,
    Kpj,
    Language,
    LongText,
    Nik,
    NikHash,
    NotificationId,
    OutreachId,
    ParticipantId,
    PaymentId,
    Phone,
    Programme,
    Sector,
    Sex,
    ShortText,
    WadahId,
)


class Entry(StrEnum):
    """The door a registration came through."""

    ONLINE = "ONLINE"
    IMPORT = "IMPORT"


class RefusalReason(StrEnum):
    """Why money that payments accepted starts no protection (domain.md section 6, late and losing payments)."""

    NIK_TAKEN = "nik_taken"
    ENTRY_AGE_EXCEEDED = "entry_age_exceeded"
    PARTICIPANT_CLOSED = "participant_closed"
    REACTIVATED_MEANWHILE = "reactivated_meanwhile"


class LapseKind(StrEnum):
    LAPSED = "LAPSED"
    INACTIVE = "INACTIVE"


class Standing(StrEnum):
    """Where a participation stands (domain.md section 6). ACTIVE and GRACE are inside a spell; EXPIRED and CLOSED are
    final but for T2."""

    REGISTERED = "REGISTERED"
    EXPIRED = "EXPIRED"
    ACTIVE = "ACTIVE"
    GRACE = "GRACE"
    LAPSED = "LAPSED"
    INACTIVE = "INACTIVE"
    CLOSED = "CLOSED"


class CorrectionCause(StrEnum):
    """T13: a posted payment was voided. T14: a payment made before the lapse instant arrived after it."""

    PAYMENT_VOIDED = "payment_voided"
    LAPSE_UNDONE = "lapse_undone"


class Person(Personal):
    """`nik_hash` lets readers search by NIK without storing it."""

    nik: Nik
    nik_hash: NikHash
    name: ShortText
    birth_place: ShortText
    birth_date: date
    sex: Sex
    phone: Phone
    email: ShortText | None
    address: LongText


class Consent(Part):
    """Proof of consent (UU PDP Art. 22–24): which text, when, through which channel, taken by whom."""

    text_version: ShortText
    given_at: Instant
    channel: ShortText
    taken_by: ShortText


class ParticipantRegistered(Event, stream="participants"):
    """A form was accepted. Registered but unpaid means not protected. `new_to_bpu`: this NIK was never in BPU (a
    candidate acquisition)."""

    participant_id: ParticipantId
    contribution_code: ContributionCode
    entry: Entry
    registered_on: date
    expires_at: Instant
    occupation: ShortText
    sector: Sector
    work_place: ShortText
    working_hours: ShortText | None
    income: Amount
    employs_others: bool
    programmes: tuple[Programme, ...]
    funding_source: FundingSource
    language: Language
    new_to_bpu: bool
    outreach_id: OutreachId | None
    consent: Consent
    person: Sealed[Person]


class ParticipantCorrected(Event, stream="participants"):
    """What the contribution follows from, as it stands from now on: every value, the unchanged ones too.

    It changes the price of contribution months not yet paid, never of paid ones (domain.md section 5).
    """

    participant_id: ParticipantId
    occupation: ShortText
    sector: Sector
    income: Amount
    employs_others: bool
    programmes: tuple[Programme, ...]
    funding_source: FundingSource


class RegistrationExpired(Event, stream="participants"):
    """Unpaid for `registration_ttl_days`; the NIK is free again, the bill is void."""

    participant_id: ParticipantId


class ParticipantReassigned(Event, stream="participants"):
    """Alih binaan: from contribution month `from_month` on, the first after the decision, `agent` of `wadah` looks after the participant;
    both None: the branch does. Protection is not touched.
    """

    participant_id: ParticipantId
    agent: AgentId | None
    wadah: WadahId | None
    from_month: ContributionMonth
    reason: Code


class ProtectionStarted(Event, stream="participants"):
    """A first or reactivation payment opened a spell at `starts_at`. `agent` is the manager, None when the branch
    is."""

    participant_id: ParticipantId
    kpj: Kpj
    spell: Count
    payment_id: PaymentId
    amount: Amount
    starts_at: Instant
    months: tuple[ContributionMonth, ...]
    paid_through: ContributionMonth
    acquisition: bool
    agent: AgentId | None
    grace_months: tuple[Count, ...] = ()
    """Of each of `months`, how many after it may still be paid while it is the last paid; empty: the usual number of each."""


class ProtectionExtended(Event, stream="participants"):
    """Further months of the same spell were paid; `paid_through` is the last month M paid without a gap."""

    participant_id: ParticipantId
    spell: Count
    payment_id: PaymentId
    amount: Amount
    effective_at: Instant
    months: tuple[ContributionMonth, ...]
    paid_through: ContributionMonth
    grace_months: tuple[Count, ...] = ()
    """As in `ProtectionStarted`."""
    after_death: bool = False
    """The participation had ended with a death in grace: these are arrears up to its month, and nothing starts again (T12)."""


class ProtectionCorrected(Event, stream="participants"):
    """Spell `spell` now reaches to `paid_through` (None: no paid month is left); the participation stands at
    `standing`.

    After LAPSE_UNDONE the payment itself follows as `ProtectionExtended`.
    """

    participant_id: ParticipantId
    spell: Count
    payment_id: PaymentId
    paid_through: ContributionMonth | None
    standing: Standing
    cause: CorrectionCause


class ProtectionRefused(Event, stream="participants"):
    """Money arrived that can start nothing; payments moves it to suspense under this reason."""

    participant_id: ParticipantId
    payment_id: PaymentId
    reason: RefusalReason


class GraceEntered(Event, stream="participants"):
    participant_id: ParticipantId
    paid_through: ContributionMonth
    grace_months: Count = USUAL_GRACE_MONTHS
    """How many months after `paid_through` may still be paid."""


class ParticipationLapsed(Event, stream="participants"):
    """The spell ended at the end of `paid_through`; old arrears are no longer billed."""

    participant_id: ParticipantId
    spell: Count
    paid_through: ContributionMonth
    kind: LapseKind


class ParticipationClosed(Event, stream="participants"):
    """A death was recorded (T12); a running spell ends on that day. No payment starts anything afterwards."""

    participant_id: ParticipantId
    spell: Count
    died_on: date


class ParticipantUnreachable(Event, stream="participants"):
    """A message could not be delivered; the agent sees it and corrects the phone."""

    participant_id: ParticipantId
    notification_id: NotificationId
    reason: Code


class ParticipantReachable(Event, stream="participants"):
    """A later message was delivered again."""

    participant_id: ParticipantId
    notification_id: NotificationId


EVENTS: tuple[type[Event], ...] = (
    ParticipantRegistered,
    ParticipantCorrected,
    RegistrationExpired,
    ParticipantReassigned,
    ProtectionStarted,
    ProtectionExtended,
    ProtectionCorrected,
    ProtectionRefused,
    GraceEntered,
    ParticipationLapsed,
    ParticipationClosed,
    ParticipantUnreachable,
    ParticipantReachable,
)
