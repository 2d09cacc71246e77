"""What payments holds about a person, table by table, for the copy that a person may ask for (`chassis/held.py`).

A person may have been an agent: what that office left here (balance, cash, statements, disputes) is theirs too, with other participants left out.
Rare, so a few small tables without an index on the person are looked through.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from chassis.held import Held, Holdings, Row, Words, by, event_ids
from services.payments.domain.orders import order_key
from services.payments.domain.paying import receipt_key
from services.payments.tables import (
    agent_balance_lines,
    agent_balances,
    bills,
    cases,
    cash_lines,
    cash_received,
    collective_lines,
    inquiries,
    payee_accounts,
    payers,
    payments,
    proposals,
    qr_codes,
    qr_questions,
    receipt_names,
    refunds,
    settlement_differences,
    settlement_lines,
    suspense,
    transfer_orders,
    transfers,
)
from services.payments.tables.incentives import (
    agents,
    dispute_notes,
    incentive_disputes,
    incentive_entries,
    incentive_lines,
    incentive_reviews,
    incentive_statements,
    managements,
)

Ids = sa.Select[Any]


def _any_of(*queries: Ids) -> Ids:
    """Each by an index of its own; an OR over them would read the whole table (PostgreSQL 18: `a = x OR b IN (SELECT …)` is a scan with a filter)."""
    return sa.select(sa.union_all(*queries).subquery().c[0])


def _offices(who: UUID) -> Ids:
    """The agents that the person is or was."""
    return sa.select(agents.c.agent_id).where(agents.c.participant_id == who)


def _bills(who: UUID) -> Ids:
    return sa.select(bills.c.bill_id).where(bills.c.participant_id == who)


def _payments(who: UUID) -> Ids:
    """Of the person, or brought to the balance of the person's office."""
    ids = sa.select(payments.c.payment_id)
    return _any_of(ids.where(payments.c.participant_id == who), ids.where(payments.c.agent_id.in_(_offices(who))))


def _is_payment(who: UUID) -> sa.ColumnElement[bool]:
    return payments.c.payment_id.in_(_payments(who))


def _receipts(who: UUID) -> Ids:
    return sa.select(payments.c.partner + ":" + payments.c.channel_reference).where(_is_payment(who))


def _is_suspended(who: UUID) -> sa.ColumnElement[bool]:
    named = sa.select(suspense.c.payment_id).where(suspense.c.participant_id == who)
    return suspense.c.payment_id.in_(_any_of(named, _payments(who)))


def _accounts(who: UUID) -> Ids:
    return sa.select(payee_accounts.c.payee_account_id).where(payee_accounts.c.owner_id == who)


def _is_order(who: UUID) -> sa.ColumnElement[bool]:
    """About the person's money, or to an account of theirs."""
    return sa.or_(
        transfer_orders.c.participant_id == who,
        transfer_orders.c.payee_account_id.in_(_accounts(who)),
    )


def _agents_of(who: UUID) -> Ids:
    """Whoever looked after the person at any time: an incentive line, and a charge to a balance, stands under one of them."""
    now = sa.select(payers.c.agent_id).where(payers.c.participant_id == who)
    first = sa.select(payers.c.registered_by).where(payers.c.participant_id == who)
    later = sa.select(managements.c.agent_id).where(managements.c.participant_id == who)
    return _any_of(now, first, later)


def _is_line(who: UUID) -> sa.ColumnElement[bool]:
    """About the person's payment, or of the person's office."""
    theirs = sa.or_(incentive_lines.c.participant_id == who, incentive_lines.c.agent_id.in_(_offices(who)))
    return sa.and_(incentive_lines.c.agent_id.in_(_any_of(_agents_of(who), _offices(who))), theirs)


def _is_charge(who: UUID) -> sa.ColumnElement[bool]:
    """The person's first payment out of somebody else's balance."""
    lines = agent_balance_lines.c
    return sa.and_(
        lines.agent_id.in_(_agents_of(who)), lines.participant_id == who, lines.agent_id.not_in(_offices(who))
    )


def _is_cash(who: UUID) -> sa.ColumnElement[bool]:
    ids = sa.select(cash_received.c.bill_id)
    return cash_received.c.bill_id.in_(
        _any_of(
            ids.where(cash_received.c.participant_id == who), ids.where(cash_received.c.agent_id.in_(_offices(who)))
        )
    )


def _is_cash_line(who: UUID) -> sa.ColumnElement[bool]:
    givers = sa.select(cash_received.c.agent_id).where(cash_received.c.participant_id == who)
    theirs = sa.or_(cash_lines.c.participant_id == who, cash_lines.c.agent_id.in_(_offices(who)))
    return sa.and_(cash_lines.c.agent_id.in_(_any_of(givers, _offices(who))), theirs)


def _is_dispute(who: UUID) -> sa.ColumnElement[bool]:
    """Raised about a statement of the person's office, or about a line of the person (as erasure finds them)."""
    line = sa.exists().where(
        incentive_lines.c.agent_id == incentive_disputes.c.agent_id,
        incentive_lines.c.run == incentive_disputes.c.run,
        incentive_lines.c.line == incentive_disputes.c.line,
        incentive_lines.c.participant_id == who,
    )
    return sa.or_(incentive_disputes.c.agent_id.in_(_offices(who)), line)


def _is_transfer(who: UUID) -> sa.ColumnElement[bool]:
    """By the events that moved the money: the ledger has no index on a person."""
    moved = event_ids(
        ("contributions", sa.literal(str(who))),
        ("receipts", _receipts(who)),
        (
            "transfer-orders",
            sa.select(transfer_orders.c.purpose + ":" + transfer_orders.c.reference).where(_is_order(who)),
        ),
        (
            "collective-bills",
            sa.select(sa.cast(collective_lines.c.bill_id, sa.Text)).where(collective_lines.c.participant_id == who),
        ),
        ("agent-balances", sa.select(sa.cast(_any_of(_agents_of(who), _offices(who)).subquery().c[0], sa.Text))),
    )
    theirs = sa.or_(transfers.c.participant_id == who, transfers.c.payment_id.in_(_payments(who)))
    return sa.and_(transfers.c.event_id.in_(moved), theirs)


def _is_settled(who: UUID) -> sa.ColumnElement[bool]:
    """Lines of partners' files under the person's references, first and second names."""
    named = sa.select(receipt_names.c.partner, receipt_names.c.reference).where(
        receipt_names.c.payment_id.in_(_payments(who))
    )
    own = sa.select(payments.c.partner, payments.c.channel_reference).where(_is_payment(who))
    return sa.tuple_(settlement_lines.c.partner, settlement_lines.c.reference).in_(sa.union_all(own, named))


def _receipt(row: Row) -> str:
    return receipt_key(row["partner"], row["channel_reference"])


TABLES: Final = (
    Held(payers, Words("Pembayar iuran", "Payer of contributions"), stream="contributions"),
    Held(bills, Words("Tagihan", "Bills")),
    Held(
        qr_codes,
        Words("Kode QR", "QR codes"),
        lambda who: sa.and_(qr_codes.c.bill_id.in_(_bills(who)), qr_codes.c.participant_id == who),
        stream="qr-codes",
        key=by("bill_id"),
    ),
    Held(
        qr_questions,
        Words("Kode QR yang masih ditanyakan", "QR codes that are still asked about"),
        lambda who: qr_questions.c.bill_id.in_(_bills(who)),
    ),
    Held(
        inquiries,
        Words("Tagihan yang ditanyakan bank", "What banks asked about the person's number"),
        lambda who: inquiries.c.target_id.in_(_any_of(sa.select(sa.literal(who, sa.UUID)), _offices(who))),
    ),
    Held(payments, Words("Pembayaran", "Payments"), _is_payment, stream="receipts", key=_receipt),
    Held(
        receipt_names,
        Words("Nomor rujukan lain dari pembayaran", "Other references of payments"),
        lambda who: receipt_names.c.payment_id.in_(_payments(who)),
    ),
    Held(
        suspense,
        Words("Dana titipan", "Money in suspense"),
        _is_suspended,
        stream="receipts",
        key=_receipt,
    ),
    Held(refunds, Words("Iuran yang dikembalikan", "Contributions given back")),
    Held(transfers, Words("Pembukuan", "Entries of the ledger"), _is_transfer),
    Held(collective_lines, Words("Bagian dari tagihan kolektif", "Shares of collective bills")),
    Held(
        proposals,
        Words("Usulan tentang dana", "Proposals about money"),
        lambda who: sa.or_(
            proposals.c.participant_id == who,
            proposals.c.payment_id.in_(_payments(who)),
            proposals.c.agent_id.in_(_offices(who)),
        ),
        stream="proposals",
        key=by("proposal_id"),
    ),
    Held(
        payee_accounts,
        Words("Rekening penerima", "Accounts that money may go to"),
        lambda who: payee_accounts.c.owner_id == who,
        stream="payee-accounts",
        key=by("payee_account_id"),
    ),
    Held(
        transfer_orders,
        Words("Perintah transfer", "Transfer orders"),
        _is_order,
        stream="transfer-orders",
        key=lambda row: order_key(row["purpose"], row["reference"]),
    ),
    Held(
        cases,
        Words("Selisih yang diperiksa dengan bank", "Differences looked into with a bank"),
        lambda who: cases.c.payment_id.in_(_payments(who)),
        stream="reconciliation",
        key=by("case_id"),
    ),
    Held(settlement_lines, Words("Baris berkas bank", "Lines of a bank's files"), _is_settled),
    Held(
        settlement_differences,
        Words("Selisih yang dibukukan", "Differences that were booked"),
        lambda who: settlement_differences.c.payment_id.in_(_payments(who)),
    ),
    Held(cash_received, Words("Uang tunai yang diterima agen", "Cash that an agent received"), _is_cash),
    Held(cash_lines, Words("Catatan uang tunai", "Movements of cash"), _is_cash_line),
    Held(
        managements,
        Words("Pembina dari bulan ke bulan", "Who looks after the person, from which month on"),
        stream="managements",
    ),
    Held(
        agents,
        Words("Tugas sebagai agen", "Office as an agent"),
        stream="agent-notes",
        key=by("agent_id"),
    ),
    Held(
        agent_balances,
        Words("Saldo Perisai milik agen", "The agent's balance"),
        lambda who: agent_balances.c.agent_id.in_(_offices(who)),
        stream="agent-balances",
        key=by("agent_id"),
    ),
    Held(
        agent_balance_lines,
        Words("Mutasi saldo Perisai milik agen", "Movements of the agent's balance"),
        lambda who: agent_balance_lines.c.agent_id.in_(_offices(who)),
    ),
    Held(
        agent_balance_lines,
        Words("Pembayaran pertama dari saldo seorang agen", "First payments out of an agent's balance"),
        _is_charge,
        without=("balance",),
    ),
    Held(
        incentive_reviews,
        Words("Bulan insentif yang dihitung ulang", "Incentive months computed anew"),
        lambda who: sa.or_(incentive_reviews.c.participant_id == who, incentive_reviews.c.agent_id.in_(_offices(who))),
    ),
    Held(incentive_lines, Words("Baris insentif", "Lines of incentives"), _is_line),
    Held(
        incentive_entries,
        Words("Insentif agen per bulan", "The agent's incentives by month"),
        lambda who: incentive_entries.c.agent_id.in_(_offices(who)),
    ),
    Held(
        incentive_statements,
        Words("Rincian insentif agen", "The agent's incentive statements"),
        lambda who: incentive_statements.c.agent_id.in_(_offices(who)),
        stream="incentives",
        key=lambda row: f"{row['agent_id']}:{row['month']}",
    ),
    Held(
        incentive_disputes,
        Words("Keberatan atas insentif", "Disputes about incentives"),
        _is_dispute,
        stream="incentive-disputes",
        key=by("dispute_id"),
    ),
    Held(
        dispute_notes,
        Words("Isi keberatan dan jawabannya", "What was written about disputes"),
        lambda who: dispute_notes.c.dispute_id.in_(sa.select(incentive_disputes.c.dispute_id).where(_is_dispute(who))),
        sealed=("note", "answer"),
    ),
)
_SUMS, _LAW, _PARTNER, _FILE = (
    "sums of many",
    "rules and calendar",
    "of a bank or an acquirer",
    "a whole file of a bank",
)
_WADAH = "of an organisation"
NOBODYS: Final = {
    "balances": _SUMS,
    "collective_bills": "of many; the person's share is in collective_lines",
    "partners": _PARTNER,
    "acquirers": _PARTNER,
    "acquirer_credentials": _PARTNER,
    "partner_secrets": _PARTNER,
    "snap_tokens": _PARTNER,
    "external_ids": "a keyed hash of what a bank sent, two days",
    "parameter_sets": _LAW,
    "credit_passes": _LAW,
    "incentive_runs": _LAW,
    "settlement_layouts": _PARTNER,
    "settlement_files": _FILE,
    "settlement_parts": _FILE,
    "settlement_days": _SUMS,
    "agreements": _WADAH,
    "wadah_entries": _WADAH,
    "wadah_statements": _WADAH,
}
TOLD: Final = (
    Words(
        "Tagihan kolektif dan berkas bank memuat banyak orang; yang disertakan hanya baris Anda.",
        "Collective bills and a bank's files name many people; only your lines are given.",
    ),
    Words(
        "Saldo dan pendapatan seorang agen adalah data agen itu; dari baris tentang Anda hanya bagian Anda yang disertakan.",
        "The balance and earnings of an agent are the agent's data; of lines about you only your part is given.",
    ),
)
HOLDINGS: Final = Holdings(payers, TABLES, NOBODYS, TOLD)
