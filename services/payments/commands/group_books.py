"""Collective bills and balances of one batch: as loaded, then as changed by what the batch recorded, as `PayerBook` does it for payers."""

from __future__ import annotations

from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.groups import AgentBalanceOpened
from contracts.values import AgentId, BillId
from services.payments.domain import balance as balances
from services.payments.domain import collective as collectives
from services.payments.domain.parameters import BILLING_RULES
from services.payments.groups import KeptBalance, KeptCollective

COLLECTIVE_STREAM, BALANCE_STREAM = "collective-bills", "agent-balances"


class CollectiveBook:
    """Records events of collective bills whose heads were read, and folds them at once."""

    def __init__(self, tx: Tx, kept: dict[BillId, KeptCollective]) -> None:
        self._tx, self._kept = tx, kept
        self._by_code = {k.bill.code: bill_id for bill_id, k in kept.items()}

    def get(self, bill_id: BillId) -> KeptCollective | None:
        return self._kept.get(bill_id)

    def find(self, code: str) -> KeptCollective | None:
        found = self._by_code.get(code)
        return None if found is None else self._kept[found]

    def record(self, kept: KeptCollective, event: Event, *, meta: Meta) -> KeptCollective:
        """Records one event of a known bill; gives the bill after it."""
        bill_id = kept.bill.bill_id
        self._tx.record(event, key=bill_id, meta=meta, scope=kept.scope, rules=kept.rules)
        self._kept[bill_id] = kept._replace(bill=collectives.evolve(kept.bill, event, self._tx.now))
        return self._kept[bill_id]


class BalanceBook:
    """As `CollectiveBook`, for balances of agents."""

    def __init__(self, tx: Tx, kept: dict[AgentId, KeptBalance]) -> None:
        self._tx, self._kept = tx, kept
        self._by_code = {k.balance.code: agent_id for agent_id, k in kept.items()}

    def get(self, agent_id: AgentId) -> KeptBalance | None:
        return self._kept.get(agent_id)

    def find(self, code: str) -> KeptBalance | None:
        found = self._by_code.get(code)
        return None if found is None else self._kept[found]

    def open(self, event: AgentBalanceOpened, *, meta: Meta, scope: Scope) -> KeptBalance:
        """Records a new balance, with nothing in it."""
        self._tx.record(event, key=event.agent_id, meta=meta, scope=scope, rules=BILLING_RULES)
        self._kept[event.agent_id] = KeptBalance(balances.opened(event), scope)
        return self._kept[event.agent_id]

    def record(self, kept: KeptBalance, event: Event, *, meta: Meta) -> KeptBalance:
        """Records one event of a known balance; gives the balance after it."""
        agent_id = kept.balance.agent_id
        self._tx.record(event, key=agent_id, meta=meta, scope=kept.scope, rules=BILLING_RULES)
        self._kept[agent_id] = kept._replace(balance=balances.evolve(kept.balance, event))
        return self._kept[agent_id]
