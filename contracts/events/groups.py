"""Topic `contributions`: one bill for many participants, and the money of agents (domain.md sections 4 and 6).

A collective bill fixes its list when it is issued: first the head, then its lines in events of bounded size, all in one transaction.
"""

from __future__ import annotations

from contracts.event import Event, Part
from contracts.events.contributions import BillKind, MonthCharge
from contracts.values import (
    AgentId,
    Amount,
    BillId,
    Code,
    ContributionCode,
    Count,
    FundingSource,
    Instant,
    ParticipantId,
    PaymentId,
    ProposalId,
    ShortText,
    TransferOrderId,
)


class CollectiveLine(Part):
    """One participant's share, frozen. `number` counts 1, 2, 3 …; `share_bill_id` is the bill that the share will settle."""

    number: Count
    participant_id: ParticipantId
    share_bill_id: BillId
    kind: BillKind
    months: tuple[MonthCharge, ...]

    @property
    def amount(self) -> int:
        return sum(charge.total for charge in self.months)


class PostedShare(Part):
    """What became of one line: a payment of its participant, or money in suspense for the reason `suspended_for`."""

    number: Count
    payment_id: PaymentId
    suspended_for: Code | None


class ReversedShare(Part):
    """What became of a share when the whole was taken back: it is out of the books again, or stays where it is, for the reason `kept_for`."""

    number: Count
    payment_id: PaymentId
    kept_for: Code | None


class CollectiveBillIssued(Event, stream="collective-bills"):
    """One code, one amount and one funding source for `heads` participants. Paid in full until `expires_at` (exclusive) or not at all."""

    bill_id: BillId
    code: ContributionCode
    funding_source: FundingSource
    heads: Count
    amount: Amount
    expires_at: Instant


class CollectiveLinesAdded(Event, stream="collective-bills"):
    """Lines of a bill that is being issued, in the order of their numbers."""

    bill_id: BillId
    lines: tuple[CollectiveLine, ...]


class CollectiveBillExpired(Event, stream="collective-bills"):
    bill_id: BillId


class CollectiveBillCancelled(Event, stream="collective-bills"):
    bill_id: BillId
    reason: Code


class CollectiveBillPaid(Event, stream="collective-bills"):
    """A channel took the whole amount. The shares follow, each as a payment of its own; until then the money stands as `collective`."""

    bill_id: BillId
    payment_id: PaymentId
    partner: ShortText
    channel: ShortText
    channel_reference: ShortText
    amount: Amount
    effective_at: Instant
    posted_at: Instant


class CollectiveSharesPosted(Event, stream="collective-bills"):
    """The next lines of a paid bill were posted, in the transaction of their payments."""

    bill_id: BillId
    shares: tuple[PostedShare, ...]


class CollectiveBillReversed(Event, stream="collective-bills"):
    """The payment of the whole is taken back (T13). `amount` is that of the lines not posted yet, which leaves `collective`; the posted
    shares follow, each as a reversal of its own."""

    bill_id: BillId
    payment_id: PaymentId
    partner: ShortText
    amount: Amount
    reason: Code
    proposal_id: ProposalId


class CollectiveSharesReversed(Event, stream="collective-bills"):
    """The next posted lines of a bill that was taken back were dealt with, in the transaction of their reversals."""

    bill_id: BillId
    shares: tuple[ReversedShare, ...]


class AgentBalanceOpened(Event, stream="agent-balances"):
    """An agent may deposit any amount under this code; the balance is the agent's money, not income."""

    agent_id: AgentId
    code: ContributionCode


class AgentBalanceDeposited(Event, stream="agent-balances"):
    """`balance` is what the agent has after it."""

    agent_id: AgentId
    payment_id: PaymentId
    partner: ShortText
    channel: ShortText
    channel_reference: ShortText
    amount: Amount
    balance: Amount
    effective_at: Instant
    posted_at: Instant


class AgentBalanceCharged(Event, stream="agent-balances"):
    """The first payment of a participant was taken from the balance; `payment_id` is that payment, `balance` what is left."""

    agent_id: AgentId
    participant_id: ParticipantId
    bill_id: BillId
    payment_id: PaymentId
    amount: Amount
    balance: Amount


class AgentBalanceWithdrawn(Event, stream="agent-balances"):
    """Money left the balance to go back to the agent, as two people decided; it is owed until the transfer is confirmed."""

    agent_id: AgentId
    payment_id: PaymentId
    amount: Amount
    balance: Amount
    order_id: TransferOrderId
    proposal_id: ProposalId


class AgentBalanceRestored(Event, stream="agent-balances"):
    """The transfer was not carried out: the money is in the balance again. `payment_id` names this movement alone."""

    agent_id: AgentId
    payment_id: PaymentId
    amount: Amount
    balance: Amount
    order_id: TransferOrderId
    reason: Code


EVENTS: tuple[type[Event], ...] = (
    CollectiveBillIssued,
    CollectiveLinesAdded,
    CollectiveBillExpired,
    CollectiveBillCancelled,
    CollectiveBillPaid,
    CollectiveSharesPosted,
    CollectiveBillReversed,
    CollectiveSharesReversed,
    AgentBalanceOpened,
    AgentBalanceDeposited,
    AgentBalanceCharged,
    AgentBalanceWithdrawn,
    AgentBalanceRestored,
)
