"""Topic `incentives`: agreements, agents and managers as payments knows them, and what they earn each month (domain.md section 7).

A month's run is closed and never edited: a correction is a line, or an amount, of a later run that names the month it corrects.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from contracts.event import Event, Part
from contracts.events.agency import IncentiveScheme
from contracts.values import (
    USUAL_DROP_MONTHS,
    AgentId,
    Amount,
    BranchId,
    Code,
    ContributionMonth,
    Count,
    Difference,
    DisputeId,
    Instant,
    LongText,
    ParticipantId,
    PaymentId,
    ShortText,
    TransferOrderId,
    WadahId,
)

Fingerprint = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256, hex, over the lines of a statement."""


class AgentStep(StrEnum):
    """What changes whether an agent works."""

    ACTIVATED = "ACTIVATED"
    SUSPENDED = "SUSPENDED"
    REINSTATED = "REINSTATED"


class AgreementNoted(Event, stream="agreements"):
    """payments noted the agreement (PKS) of a Wadah; both ends of the term are inclusive, WIB."""

    wadah_id: WadahId
    branch_id: BranchId
    name: ShortText
    agreement_number: ShortText
    scheme: IncentiveScheme
    term_from: date
    term_to: date
    monthly_target: Count | None = None
    """Acquisitions of all its agents together; None: none was agreed."""


class AgreementRenewalNoted(Event, stream="agreements"):
    """payments noted the next agreement of a Wadah, its `agreement`-th; `follows_on`: the last day of the one before, as known then."""

    wadah_id: WadahId
    branch_id: BranchId
    agreement: Count
    agreement_number: ShortText
    scheme: IncentiveScheme
    term_from: date
    term_to: date
    monthly_target: Count | None = None
    follows_on: date


class AgreementEndNoted(Event, stream="agreements"):
    """The agreement in force on `ended_on` ended at 24:00 WIB of it; one that was to follow never comes into force."""

    wadah_id: WadahId
    ended_on: date


class AgentNoted(Event, stream="agent-notes"):
    """payments noted an agent; `participant_id` is the agent's own participation, which is never an acquisition of his."""

    agent_id: AgentId
    code: ShortText
    wadah_id: WadahId
    branch_id: BranchId
    participant_id: ParticipantId


class AgentStepNoted(Event, stream="agent-notes"):
    """The agent works, or no longer works, from the business instant `at` on."""

    agent_id: AgentId
    step: AgentStep
    at: Instant


class AgentLeftNoted(Event, stream="agent-notes"):
    """The agent was dropped at the business instant `at`, or `dismissed`: then nothing that is unpaid is paid any more."""

    agent_id: AgentId
    at: Instant
    dismissed: bool


class ManagerChanged(Event, stream="managements"):
    """From this contribution month on the participant is looked after by `agent_id`; None: by the branch (alih binaan, reactivation)."""

    participant_id: ParticipantId
    from_month: ContributionMonth
    agent_id: AgentId | None
    wadah_id: WadahId | None = None
    """That of the agent; None where the branch looks after the participant."""


class IncentiveRunOpened(Event, stream="incentive-runs"):
    """Month `month` is closed; statements are due at `statements_at`, payout orders at `orders_at`, the money until `pay_by`."""

    month: ContributionMonth
    closed_at: Instant
    statements_at: Instant
    orders_at: Instant
    pay_by: Instant


class IncentiveRunCompleted(Event, stream="incentive-runs"):
    """Every statement of the month is issued. `lines` counts those of all agents; `payout` is due to all Wadah together."""

    month: ContributionMonth
    agents: Count
    wadah: Count
    lines: Count
    payout: Amount


class AcquiredLine(Part):
    """A participant acquired by this first payment; `with_jht`: three programmes were paid."""

    payment_id: PaymentId
    participant_id: ParticipantId
    with_jht: bool


class ContributionLine(Part):
    """Rupiah received for one contribution month under this agent's management: its `k`-th, paid at `bps`."""

    payment_id: PaymentId
    participant_id: ParticipantId
    month: ContributionMonth
    k: Count
    bps: Count
    received: Amount


class IncentiveEarned(Event, stream="incentives"):
    """Lines of an agent that count for incentive month `month`, in the run of month `run`; bounded, so there may be several.

    `first_line`: the number of the first of them in the statement; acquisitions come before contributions.
    """

    agent_id: AgentId
    run: ContributionMonth
    month: ContributionMonth
    first_line: Count
    acquisitions: tuple[AcquiredLine, ...]
    contributions: tuple[ContributionLine, ...]


class IncentiveClawedBack(Event, stream="incentives"):
    """Lines of an earlier run that no longer hold: reversed, refunded, or counted differently. Their like may be earned anew beside it."""

    agent_id: AgentId
    run: ContributionMonth
    month: ContributionMonth
    first_line: Count
    acquisitions: tuple[AcquiredLine, ...]
    contributions: tuple[ContributionLine, ...]


class Earnings(Part):
    """What an agent's month comes to under its set. `agent` is the agent's own, `carved` what the Wadah gets out of the gross (OLD)."""

    acquisitions: Count
    received: Amount
    acquisition_pay: Amount
    contribution_pay: Amount
    agent: Amount
    carved: Amount


class Adjustment(Part):
    """Month `month` computed anew: `before` as paid with all earlier adjustments, `after` as it is now; the difference is due here."""

    month: ContributionMonth
    rules: ShortText
    before: Earnings
    after: Earnings
    reason: Code


class ShareAdjustment(Part):
    """The Wadah's own share of an earlier month, computed anew."""

    month: ContributionMonth
    before: Amount
    after: Amount


class IncentiveStatementIssued(Event, stream="incentives"):
    """The monthly statement of an agent, never edited. Key: agent and month.

    payable + carried_out = earned.agent + adjustments + carried_in, where a balance below zero is carried forward, never collected.
    `months_without`: calendar months in a row, this one included, without what keeps an agent from being dropped (domain.md section 2).
    `agreement`: the month stands under the Wadah's so-many-th. `without_agreement`: none was in force in the month, so nothing is earned in
    it, and it is the last one before that is named; statements of before renewals do not say.
    """

    agent_id: AgentId
    wadah_id: WadahId
    month: ContributionMonth
    scheme: IncentiveScheme
    earned: Earnings
    adjustments: tuple[Adjustment, ...]
    carried_in: Difference
    payable: Amount
    carried_out: Difference
    lines: Count
    fingerprint: Fingerprint
    months_without: Count
    drop_months: Count = USUAL_DROP_MONTHS
    """As many of them as an agent is dropped after, by the set of this month."""
    drop_due: bool = False
    """They are as many, and the agent was ACTIVE when the run closed."""
    agreement: Count = 1
    without_agreement: bool = False


class AgentDropFellDue(Event, stream="incentives"):
    """An agent at work has gone `drop_months` calendar months in a row without result: by the rule he is to be dropped (domain.md section 2).

    Told once, with the first statement that finds it, under the key of that statement. It drops nobody.
    """

    agent_id: AgentId
    wadah_id: WadahId
    month: ContributionMonth
    scheme: IncentiveScheme
    months_without: Count
    drop_months: Count


class WadahStatementIssued(Event, stream="incentives"):
    """The monthly statement of a Wadah, never edited. Key: Wadah and month.

    `agents_payable` is the sum over its agents; `share` its own of this month; gross = agents_payable + share_payable; payout = gross − tax.
    """

    wadah_id: WadahId
    month: ContributionMonth
    scheme: IncentiveScheme
    agents: Count
    acquisitions: Count
    received: Amount
    agents_payable: Amount
    share: Amount
    adjustments: tuple[ShareAdjustment, ...]
    carried_in: Difference
    share_payable: Amount
    carried_out: Difference
    gross: Amount
    tax_bps: Count
    tax: Amount
    payout: Amount
    order_from: Instant
    pay_by: Instant
    monthly_target: Count | None = None
    """What `acquisitions` are to reach; None where none was agreed."""
    months_below: Count = 0
    """Full calendar months of the agreement in a row, this one included, below it."""
    drop_months: Count = USUAL_DROP_MONTHS
    """As many of them as an agreement is ended after (NEW), by the set of this month."""
    end_due: bool = False
    """They are as many, and the agreement was in force when the run closed."""
    agreement: Count = 1
    """As on the statements of its agents, with what follows."""
    without_agreement: bool = False


class AgreementEndFellDue(Event, stream="incentives"):
    """A NEW agreement in force has gone `drop_months` months in a row below its target: by the rule it is to be ended (domain.md section 2).

    Told once, with the first statement that finds it, under the key of that statement. It ends nothing.
    """

    wadah_id: WadahId
    month: ContributionMonth
    monthly_target: Count
    months_below: Count
    drop_months: Count


class IncentivePayoutOrdered(Event, stream="incentives"):
    """The payout of a Wadah's statement was ordered to its verified account."""

    wadah_id: WadahId
    month: ContributionMonth
    order_id: TransferOrderId
    amount: Amount


class IncentivePaidOut(Event, stream="incentives"):
    """The order was confirmed: the money reached the Wadah's account. `paid_at`: 00:00 WIB of the day on which the bank's evidence says so."""

    wadah_id: WadahId
    month: ContributionMonth
    order_id: TransferOrderId
    amount: Amount
    paid_at: Instant


class PayoutHindrance(StrEnum):
    """Why a payout is not with the Wadah yet: the step that is missing."""

    ACCOUNT_MISSING = "ACCOUNT_MISSING"
    """Its branch has recorded no account of the Wadah that money may still go to."""
    ACCOUNT_NOT_VERIFIED = "ACCOUNT_NOT_VERIFIED"
    """One is recorded; a second person has not verified it."""
    NOT_ORDERED = "NOT_ORDERED"
    """The order is not given yet, or the last one failed."""
    NOT_CONFIRMED = "NOT_CONFIRMED"
    """It is ordered; no evidence of a bank says that the money left."""


class IncentivePayoutOverdue(Event, stream="incentives"):
    """The last day for the payout of a Wadah's statement is over and nothing confirms that the money left (domain.md section 7: by the 5th).

    Told once per statement, under its key, whatever follows; `IncentivePaidOut` ends it. `order_id`: of the order that is in force, if any.
    """

    wadah_id: WadahId
    month: ContributionMonth
    amount: Amount
    pay_by: Instant
    hindrance: PayoutHindrance
    order_id: TransferOrderId | None = None


class IncentiveLineDisputed(Event, stream="incentive-disputes"):
    """An agent or the board doubts a line of a statement; `line` 0 stands for the statement as a whole (something is missing).

    `note` is empty: words of people stay with payments, encrypted, and only events of before it was so have them.
    """

    dispute_id: DisputeId
    agent_id: AgentId
    wadah_id: WadahId
    run: ContributionMonth
    line: Count
    reason: Code
    note: LongText


class IncentiveDisputeAnswered(Event, stream="incentive-disputes"):
    """The branch answered. `upheld`: the doubt was right; what follows from it comes as an adjustment of a later run. `note` as above."""

    dispute_id: DisputeId
    upheld: bool
    note: LongText


EVENTS: tuple[type[Event], ...] = (
    AgreementNoted,
    AgreementRenewalNoted,
    AgreementEndNoted,
    AgentNoted,
    AgentStepNoted,
    AgentLeftNoted,
    ManagerChanged,
    IncentiveRunOpened,
    IncentiveRunCompleted,
    IncentiveEarned,
    IncentiveClawedBack,
    IncentiveStatementIssued,
    AgentDropFellDue,
    WadahStatementIssued,
    AgreementEndFellDue,
    IncentivePayoutOrdered,
    IncentivePayoutOverdue,
    IncentivePaidOut,
    IncentiveLineDisputed,
    IncentiveDisputeAnswered,
)
