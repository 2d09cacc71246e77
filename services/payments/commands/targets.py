"""What a customer number stands for: a payer, one bill of a payer, a collective bill, or an agent's deposits.

Numbers of our own blocks are looked up where they can be, every number among the payers; a batch without any of a block pays no statement for it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from chassis import rows
from chassis.transaction import Scope, Tx
from contracts.values import AgentId, BillId, ParticipantId
from services.payments.commands.group_books import BALANCE_STREAM, COLLECTIVE_STREAM, BalanceBook, CollectiveBook
from services.payments.commands.payer_book import STREAM, PayerBook
from services.payments.domain.bill import Bill
from services.payments.domain.numbers import Block, block_of
from services.payments.domain.payer import Payer
from services.payments.domain.paying import Posted
from services.payments.groups import (
    KeptBalance,
    KeptCollective,
    are_agents,
    are_bills,
    load_balances,
    load_collectives,
)
from services.payments.queries import deciding
from services.payments.queries.groups import wholly_void
from services.payments.store import Kept
from services.payments.tables import agent_balances, collective_bills


class OneBill(NamedTuple):
    """A bill that has a number for itself, and its payer."""

    kept: Kept
    bill: Bill
    number: str

    @property
    def payer(self) -> Payer:
        return self.kept.payer

    @property
    def scope(self) -> Scope:
        return self.kept.scope


Target = Kept | OneBill | KeptCollective | KeptBalance


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of one batch, each in the book that records its events. `void`: collective bills of which every line is void.

    A line may turn void between this reading and the posting of its share; that costs nothing, as its share then goes to suspense.
    """

    payers: PayerBook
    collectives: CollectiveBook
    balances: BalanceBook
    void: frozenset[BillId] = frozenset()

    def find(self, number: str, nik_hash: str | None) -> Target | None:
        """By number, else by the keyed hash of a NIK."""
        found: Target | None = None
        match block_of(number):
            case Block.COLLECTIVE:
                found = self.collectives.find(number)
            case Block.DEPOSIT:
                found = self.balances.find(number)
            case Block.BILL if pair := self.payers.find_bill(number):
                found = OneBill(*pair, number)
        return found or self.payers.find(number, nik_hash)


def target_id(target: Target) -> UUID:
    """The one id that names it."""
    match target:
        case KeptCollective() | OneBill():
            return target.bill.bill_id
        case KeptBalance():
            return target.balance.agent_id
    return target.payer.participant_id


def own_number(target: Target | None) -> str | None:
    """The number, where it is a bill's own."""
    return target.number if isinstance(target, OneBill) else None


def holder_id(target: Target) -> UUID:
    """Whom or what its payments are noted for: those of a bill's own number for its payer."""
    return target.payer.participant_id if isinstance(target, OneBill) else target_id(target)


def came_to(posted: Posted, target: Target) -> bool:
    """Whether this money came to just this number. The contribution code of a payer and the number of a bill are two."""
    return (posted.target_id, posted.number) == (holder_id(target), own_number(target))


def title_of(target: Target) -> tuple[str, int]:
    """What is paid there where it has no months of its own, at most 20 characters, and for how many people (0: says nothing)."""
    match target:
        case KeptCollective():
            return "Iuran kolektif", target.bill.heads
        case KeptBalance():
            return "Saldo Perisai", 0
    return "Iuran", 0


async def targets_to_pay(
    tx: Tx, numbers: Collection[str], nik_hashes: Collection[str], also: Collection[UUID] = ()
) -> Targets:
    """For deciding: heads of all that these numbers may stand for, then their state. `also`: further bills of the payers."""
    participants = await deciding.participants_by_number(tx.conn, numbers, nik_hashes)
    numbered = await _numbered(tx, numbers)
    participants = [*{*participants, *numbered.values()}]
    bills, agents = await _keys(tx, numbers)
    await tx.heads(STREAM, participants)
    await tx.heads(COLLECTIVE_STREAM, bills)
    await tx.heads(BALANCE_STREAM, agents)
    payers = await deciding.payers_with_live_bills(tx.conn, participants, tx.now, {*also, *numbered})
    collectives = await load_collectives(tx.conn, are_bills(bills)) if bills else {}
    balances = await load_balances(tx.conn, are_agents(agents)) if agents else {}
    return await _targets(tx, payers, collectives, balances)


async def targets_to_show(tx: Tx, numbers: Collection[str], nik_hashes: Collection[str]) -> Targets:
    """For answering: state alone, nothing may be recorded."""
    numbered = await _numbered(tx, numbers)
    payers = await deciding.payers_by_number(tx.conn, numbers, nik_hashes, tx.now, numbered)
    whole, deposits = _of(Block.COLLECTIVE, numbers), _of(Block.DEPOSIT, numbers)
    collectives = await load_collectives(tx.conn, _has(collective_bills, whole)) if whole else {}
    balances = await load_balances(tx.conn, _has(agent_balances, deposits)) if deposits else {}
    return await _targets(tx, payers, collectives, balances)


async def _targets(
    tx: Tx,
    payers: dict[ParticipantId, Kept],
    collectives: dict[BillId, KeptCollective],
    balances: dict[AgentId, KeptBalance],
) -> Targets:
    void = await wholly_void(tx.conn, collectives) if collectives else frozenset()
    return Targets(PayerBook(tx, payers), CollectiveBook(tx, collectives), BalanceBook(tx, balances), void)


async def _numbered(tx: Tx, numbers: Collection[str]) -> dict[BillId, ParticipantId]:
    """Bills with a number of their own among these, and whose they are."""
    wanted = _of(Block.BILL, numbers)
    return await deciding.bills_by_number(tx.conn, wanted) if wanted else {}


async def _keys(tx: Tx, numbers: Collection[str]) -> tuple[list[UUID], list[UUID]]:
    """Collective bills and agents: keys to read heads and state of, nothing to decide on."""
    found: list[list[UUID]] = []
    for block, table, key in (
        (Block.COLLECTIVE, collective_bills, collective_bills.c.bill_id),
        (Block.DEPOSIT, agent_balances, agent_balances.c.agent_id),
    ):
        wanted = _of(block, numbers)
        query = sa.select(key).where(_has(table, wanted))
        found.append([*(await tx.conn.execute(query)).scalars()] if wanted else [])
    return found[0], found[1]


def _of(block: Block, numbers: Collection[str]) -> list[str]:
    return [number for number in numbers if block_of(number) is block]


def _has(table: sa.Table, numbers: Collection[str]) -> sa.ColumnElement[bool]:
    return rows.matching(table.c.code, numbers)
