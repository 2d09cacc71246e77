"""What becomes of money when a proposal is carried out: everything it touches is loaded, judged and recorded for a whole batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypedDict
from uuid import UUID

from chassis.ids import new_id
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.astray import (
    Action,
    PayeeKind,
    TransferPurpose,
)
from contracts.events.contributions import ContributionReversed
from contracts.values import (
    AgentId,
    BillId,
    ParticipantId,
    PayeeAccountId,
    PaymentId,
    TransferOrderId,
)
from services.payments.commands.follow import RECEIPTS
from services.payments.commands.group_books import BALANCE_STREAM, COLLECTIVE_STREAM, BalanceBook, CollectiveBook
from services.payments.commands.orders import ORDERS
from services.payments.commands.payer_book import STREAM, PayerBook
from services.payments.commands.settlement import STREAM as CASES
from services.payments.domain import orders as ordering
from services.payments.domain import suspense as waiting
from services.payments.domain.balance import AgentBalance
from services.payments.domain.collective import Collective, CollectiveStatus
from services.payments.domain.keys import order_key, receipt_key
from services.payments.domain.payees import PAYEE_RULES, Payee
from services.payments.domain.paying import Posted
from services.payments.domain.proposals import Proposal
from services.payments.domain.refunds import Refund
from services.payments.domain.resolving import CannotDo, Found, NewIds, Refused, carry_out
from services.payments.domain.settlement.cases import Missing
from services.payments.domain.settlement.outcomes import RECONCILIATION_RULES
from services.payments.groups import (
    KeptCollective,
    are_agents,
    are_bills,
    load_balances,
    load_collectives,
    unposted_amounts,
)
from services.payments.queries import astray as loads
from services.payments.queries import deciding, settlement
from services.payments.queries.astray import KeptCase, KeptOrder, KeptProposal, OrderKey


class Desk:
    """What stands around the proposals of one batch; what is carried out changes it for those after it."""

    def __init__(self, tx: Tx, book: PayerBook) -> None:
        self._tx, self._book = tx, book
        self.cases: dict[PaymentId, KeptCase] = {}
        self.payments: dict[PaymentId, Posted] = {}
        self.refunds: dict[PaymentId, Refund] = {}
        self.payees: dict[PayeeAccountId, Payee] = {}
        self.orders: dict[OrderKey, KeptOrder] = {}
        self.missing: dict[PaymentId, Missing] = {}
        self.matched: dict[PaymentId, Posted] = {}
        self.wholes = CollectiveBook(tx, {})
        self.unposted: dict[BillId, int] = {}
        self.balances = BalanceBook(tx, {})
        self.agents: dict[AgentId, ParticipantId] = {}

    @classmethod
    async def load(cls, tx: Tx, proposals: Sequence[Proposal]) -> Desk:
        """Heads first, then state; the first look-up only finds their keys."""
        receipts = {p.payment_id for p in proposals}
        payments = await deciding.payments_by_id(tx.conn, receipts)
        owed = await loads.refunds_of(tx.conn, {p.payment_id for p in proposals if p.action is Action.REFUND})
        named = [(p.participant_id, p.bill_id) for p in proposals]
        named += [(p.participant_id, p.bill_id) for p in payments.values()]
        voided = {p.payment_id for p in proposals if p.action is Action.VOID}
        matched = await _matched(tx, voided)
        named += [(p.participant_id, p.bill_id) for p in matched.values()]
        participants = {participant_id for participant_id, _ in named if participant_id is not None}
        participants |= {refund.participant_id for refund in owed.values()}
        order_keys = {_order_key(p) for p in proposals}
        wholes = {bill_id for p in payments.values() if (bill_id := _whole_of(p)) is not None}
        agents = {p.agent_id for p in proposals if p.agent_id is not None}
        await tx.heads(STREAM, participants)
        if agents:
            await tx.heads(BALANCE_STREAM, agents)
        await tx.heads(COLLECTIVE_STREAM, wholes)
        await tx.heads(RECEIPTS, {receipt_key(p.partner, p.channel_reference) for p in payments.values()})
        await tx.heads(ORDERS, {order_key(*key) for key in order_keys})
        bills = {bill_id for _, bill_id in named if bill_id is not None}
        desk = cls(tx, PayerBook(tx, await deciding.payers_with_live_bills(tx.conn, participants, tx.now, bills)))
        desk.matched = await _matched(tx, voided) if matched else {}
        desk.payments = await deciding.payments_by_id(tx.conn, receipts)
        desk.payments |= {p.payment_id: p for p in desk.matched.values()}
        desk.cases = await loads.cases(tx.conn, receipts)
        desk.refunds = await loads.refunds_of(tx.conn, {*receipts, *(p.payment_id for p in desk.matched.values())})
        desk.payees = await loads.payees(tx.conn, {p.payee_account_id for p in proposals if p.payee_account_id})
        desk.orders = await loads.orders(tx.conn, order_keys)
        desk.missing = await _missing(tx, voided) if voided else {}
        if wholes:
            desk.wholes = CollectiveBook(tx, await load_collectives(tx.conn, are_bills(wholes)))
            desk.unposted = await unposted_amounts(tx.conn, wholes)
        if agents:
            desk.balances = BalanceBook(tx, await load_balances(tx.conn, are_agents(agents)))
            desk.agents = await loads.own_participations(tx.conn, agents)
        return desk

    def whole(self, draft: Proposal) -> int:
        """The amount that is meant when none is named."""
        if draft.agent_id is not None:
            balance = self.balances.get(draft.agent_id)
            return 0 if balance is None else balance.balance.balance
        kept = self._book.get(draft.participant_id)
        if draft.action is Action.MATCH and kept is not None and draft.bill_id is not None:
            bill = kept.payer.bills.get(draft.bill_id)
            return 0 if bill is None else bill.amount
        if draft.action is Action.REFUND:
            return self.refunds[draft.payment_id].amount if draft.payment_id in self.refunds else 0
        case, payment = self.cases.get(draft.payment_id), self.payments.get(draft.payment_id)
        if case is not None and case.case.held:
            return case.case.held
        return 0 if payment is None else payment.amount

    def scope(self, draft: Proposal) -> Scope:
        """Whose head decides: the branch of who gets or loses the money, else of the money itself; any, where that is not known."""
        if draft.agent_id is not None and (balance := self.balances.get(draft.agent_id)) is not None:
            return Scope(balance.scope.branch_id)
        kept = self._book.get(draft.participant_id) if draft.action in (Action.MATCH, Action.CREDIT) else None
        kept = kept or self._book.get(self._payer_of(self._goes(draft)))
        if kept is not None:
            return Scope(kept.scope.branch_id)
        if (whole := self._whole(draft.payment_id)) is not None:
            return Scope(whole.scope.branch_id)
        case = self.cases.get(draft.payment_id)
        return Scope() if case is None else case.scope

    def approved(self, kept: KeptProposal) -> Sequence[Event] | Refused:
        """`consequences`, unless the money was matched since to somebody of a branch that was not asked."""
        if self._match_of(kept.proposal) is not None and self.scope(kept.proposal) != kept.scope:
            return CannotDo.PARTLY_USED
        return self.consequences(kept.proposal)

    def consequences(self, proposal: Proposal) -> Sequence[Event] | Refused:
        """Every event of this proposal, were it approved now."""
        case, order = self.cases.get(proposal.payment_id), self.orders.get(_order_key(proposal))
        matched, goes = self._match_of(proposal), self._goes(proposal)
        voids = proposal.action is Action.VOID
        kept = self._book.get(self._payer_of(goes) if voids else proposal.participant_id)
        found = Found(
            case=None if case is None else case.case,
            payment=self.payments.get(proposal.payment_id),
            refund=self.refunds.get(proposal.payment_id) or self.refunds.get(goes),
            matched=matched,
            payer=None if kept is None else kept.payer,
            payee=None if proposal.payee_account_id is None else self.payees.get(proposal.payee_account_id),
            order=None if order is None else order.order,
            missing=self.missing.get(proposal.payment_id),
            **self._collective(proposal.payment_id),
            **self._balance(proposal.agent_id),
        )
        ids = NewIds(PaymentId(new_id()), TransferOrderId(new_id()))
        return carry_out(proposal, found, ids, self._tx.now)

    def record(self, proposal: Proposal, events: Iterable[Event], meta: Meta) -> None:
        """Each event on the stream it belongs to, and folded at once."""
        for event in events:
            match event.stream:
                case "receipts":
                    self._of_receipt(proposal.payment_id, event, meta)
                case "transfer-orders":
                    self._of_order(proposal, event, meta)
                case "reconciliation":
                    self._of_case(proposal.payment_id, event, meta)
                case "agent-balances":
                    self._of_balance(proposal, event, meta)
                case "collective-bills":
                    self._of_whole(proposal.payment_id, event, meta)
                case _:
                    self._of_payer(event, meta)

    def _of_receipt(self, payment_id: PaymentId, event: Event, meta: Meta) -> None:
        kept = self.cases[payment_id]
        key = receipt_key(kept.case.partner, kept.case.channel_reference)
        self._tx.record(event, key=key, meta=meta, scope=kept.scope, rules=PAYEE_RULES)
        after = waiting.evolve(kept.case, event, self._tx.now)
        assert after is not None
        self.cases[payment_id] = KeptCase(after, kept.scope)

    def _of_order(self, proposal: Proposal, event: Event, meta: Meta) -> None:
        key, scope = _order_key(proposal), self.scope(proposal)
        self._tx.record(event, key=order_key(*key), meta=meta, scope=scope, rules=PAYEE_RULES)
        before = self.orders[key].order if key in self.orders else None
        after = ordering.evolve(before, event)
        assert after is not None
        self.orders[key] = KeptOrder(after, scope, self._tx.now)

    def _of_case(self, payment_id: PaymentId, event: Event, meta: Meta) -> None:
        missing = self.missing[payment_id]
        self._tx.record(event, key=str(missing.case_id), meta=meta, scope=Scope(), rules=RECONCILIATION_RULES)
        self.missing[payment_id] = replace(missing, case_id=None)

    def _of_balance(self, proposal: Proposal, event: Event, meta: Meta) -> None:
        kept = None if proposal.agent_id is None else self.balances.get(proposal.agent_id)
        assert kept is not None
        self.balances.record(kept, event, meta=meta)

    def _of_whole(self, payment_id: PaymentId, event: Event, meta: Meta) -> None:
        kept = self._whole(payment_id)
        assert kept is not None
        self.wholes.record(kept, event, meta=meta)

    def _of_payer(self, event: Any, meta: Meta) -> None:
        kept = self._book.get(event.participant_id)
        assert kept is not None
        self._book.record(kept, [event], meta=meta)
        if isinstance(event, ContributionReversed):
            payment = self.payments[event.payment_id]
            gone = self.payments[event.payment_id] = replace(payment, reversed_for=event.reason)
            self.matched = {k: gone if p.payment_id == gone.payment_id else p for k, p in self.matched.items()}

    def _whole(self, payment_id: PaymentId) -> KeptCollective | None:
        """The collective bill that this payment is the whole or a share of."""
        payment = self.payments.get(payment_id)
        bill_id = None if payment is None else _whole_of(payment)
        return None if bill_id is None else self.wholes.get(bill_id)

    def _collective(self, payment_id: PaymentId) -> _OfCollective:
        kept = self._whole(payment_id)
        if kept is None:
            return {}
        if self.payments[payment_id].share_of is not None:
            gone = kept.bill.status is CollectiveStatus.REVERSED
            return {"whole_stands": not gone, "whole_reversed": gone}
        return {"whole": kept.bill, "unposted": self.unposted.get(kept.bill.bill_id, 0)}

    def _balance(self, agent_id: AgentId | None) -> _OfBalance:
        kept = None if agent_id is None else self.balances.get(agent_id)
        if kept is None:
            return {}
        owners: dict[PayeeKind, UUID] = {}
        if kept.scope.wadah_id is not None:
            owners[PayeeKind.WADAH] = kept.scope.wadah_id
        if (own := self.agents.get(kept.balance.agent_id)) is not None:
            owners[PayeeKind.PARTICIPANT] = own
        return {"balance": kept.balance, "owners": owners}

    def _match_of(self, proposal: Proposal) -> Posted | None:
        """The payment that would go with the receipt."""
        return self.matched.get(proposal.payment_id) if proposal.action is Action.VOID else None

    def _goes(self, proposal: Proposal) -> PaymentId:
        """The payment that settles a bill with the money of this proposal, else the receipt."""
        matched = self._match_of(proposal)
        return proposal.payment_id if matched is None else matched.payment_id

    def _payer_of(self, payment_id: PaymentId) -> ParticipantId | None:
        """Whose money it is: a payment's, or what is owed of credit that was left."""
        found = self.payments.get(payment_id) or self.refunds.get(payment_id)
        return None if found is None else found.participant_id


async def _matched(tx: Tx, receipts: set[PaymentId]) -> dict[PaymentId, Posted]:
    """The payment that was made out of each of these receipts, where there is one alone."""
    if not receipts:
        return {}
    found = await deciding.made_of(tx.conn, receipts)
    return {receipt: one for receipt, (one, *others) in found.items() if not others}


async def _missing(tx: Tx, payments: set[PaymentId]) -> dict[PaymentId, Missing]:
    """Heads of the open cases, then what they say; a case that was opened in between is met next time."""
    named = {one.case_id for one in (await settlement.missing(tx.conn, payments)).values() if one.case_id is not None}
    if named:
        await tx.heads(CASES, named)
    found = await settlement.missing(tx.conn, payments)
    return {key: one if one.case_id in named else replace(one, case_id=None) for key, one in found.items()}


class _OfBalance(TypedDict, total=False):
    """What `Found` says of an agent's balance."""

    balance: AgentBalance
    owners: dict[PayeeKind, UUID]


class _OfCollective(TypedDict, total=False):
    """What `Found` says of a payment that is the whole or a share of a collective bill."""

    whole: Collective
    unposted: int
    whole_stands: bool
    whole_reversed: bool


def _whole_of(payment: Posted) -> BillId | None:
    """The collective bill behind a payment: it is a share of it, or paid it."""
    if payment.share_of is not None:
        return payment.share_of
    return payment.bill_id if payment.participant_id is None else None


def _order_key(proposal: Proposal) -> OrderKey:
    """What a transfer for this proposal is for: a refund is owed once, whoever proposes it."""
    if proposal.action is Action.REFUND:
        return TransferPurpose.REFUND, str(proposal.payment_id)
    return TransferPurpose.RETURN, str(proposal.proposal_id)
