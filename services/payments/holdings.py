"""What payments holds about a person, table by table, for the copy that a person may ask for (`chassis/held.py`); other participants are left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from chassis.held import Held, Holdings, Row, Words, by
from services.payments.domain.keys import order_key, receipt_key
from services.payments.queries.whose import (
    bills_of,
    is_cash,
    is_cash_line,
    is_charge,
    is_dispute,
    is_inquiry,
    is_line,
    is_order,
    is_payment,
    is_settled,
    is_suspended,
    is_transfer,
    offices_of,
    payments_of,
)
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


def _under_payments(table: sa.Table) -> Callable[[UUID], sa.ColumnElement[bool]]:
    return lambda who: table.c.payment_id.in_(payments_of(who))


def _under_offices(table: sa.Table) -> Callable[[UUID], sa.ColumnElement[bool]]:
    return lambda who: table.c.agent_id.in_(offices_of(who))


def _receipt(row: Row) -> str:
    key: str = receipt_key(row["partner"], row["channel_reference"])
    return key


TABLES: Final = (
    Held(payers, Words("Pembayar iuran", "Payer of contributions"), stream="contributions"),
    Held(bills, Words("Tagihan", "Bills")),
    Held(
        qr_codes,
        Words("Kode QR", "QR codes"),
        lambda who: sa.and_(qr_codes.c.bill_id.in_(bills_of(who)), qr_codes.c.participant_id == who),
        stream="qr-codes",
        key=by("bill_id"),
    ),
    Held(
        qr_questions,
        Words("Kode QR yang masih ditanyakan", "QR codes that are still asked about"),
        lambda who: qr_questions.c.bill_id.in_(bills_of(who)),
    ),
    Held(inquiries, Words("Tagihan yang ditanyakan bank", "What banks asked about the person's number"), is_inquiry),
    Held(payments, Words("Pembayaran", "Payments"), is_payment, stream="receipts", key=_receipt),
    Held(
        receipt_names,
        Words("Nomor rujukan lain dari pembayaran", "Other references of payments"),
        _under_payments(receipt_names),
    ),
    Held(
        suspense,
        Words("Dana titipan", "Money in suspense"),
        is_suspended,
        stream="receipts",
        key=_receipt,
    ),
    Held(refunds, Words("Iuran yang dikembalikan", "Contributions given back")),
    Held(transfers, Words("Pembukuan", "Entries of the ledger"), is_transfer),
    Held(collective_lines, Words("Bagian dari tagihan kolektif", "Shares of collective bills")),
    Held(
        proposals,
        Words("Usulan tentang dana", "Proposals about money"),
        lambda who: sa.or_(
            proposals.c.participant_id == who,
            proposals.c.payment_id.in_(payments_of(who)),
            proposals.c.agent_id.in_(offices_of(who)),
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
        is_order,
        stream="transfer-orders",
        key=lambda row: order_key(row["purpose"], row["reference"]),
    ),
    Held(
        cases,
        Words("Selisih yang diperiksa dengan bank", "Differences looked into with a bank"),
        _under_payments(cases),
        stream="reconciliation",
        key=by("case_id"),
    ),
    Held(settlement_lines, Words("Baris berkas bank", "Lines of a bank's files"), is_settled),
    Held(
        settlement_differences,
        Words("Selisih yang dibukukan", "Differences that were booked"),
        _under_payments(settlement_differences),
    ),
    Held(cash_received, Words("Uang tunai yang diterima agen", "Cash that an agent received"), is_cash),
    Held(cash_lines, Words("Catatan uang tunai", "Movements of cash"), is_cash_line),
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
        _under_offices(agent_balances),
        stream="agent-balances",
        key=by("agent_id"),
    ),
    Held(
        agent_balance_lines,
        Words("Mutasi saldo Perisai milik agen", "Movements of the agent's balance"),
        _under_offices(agent_balance_lines),
    ),
    Held(
        agent_balance_lines,
        Words("Pembayaran pertama dari saldo seorang agen", "First payments out of an agent's balance"),
        is_charge,
        without=("balance",),
    ),
    Held(
        incentive_reviews,
        Words("Bulan insentif yang dihitung ulang", "Incentive months computed anew"),
        lambda who: sa.or_(
            incentive_reviews.c.participant_id == who, incentive_reviews.c.agent_id.in_(offices_of(who))
        ),
    ),
    Held(incentive_lines, Words("Baris insentif", "Lines of incentives"), is_line),
    Held(
        incentive_entries,
        Words("Insentif agen per bulan", "The agent's incentives by month"),
        _under_offices(incentive_entries),
    ),
    Held(
        incentive_statements,
        Words("Rincian insentif agen", "The agent's incentive statements"),
        _under_offices(incentive_statements),
        stream="incentives",
        key=lambda row: f"{row['agent_id']}:{row['month']}",
    ),
    Held(
        incentive_disputes,
        Words("Keberatan atas insentif", "Disputes about incentives"),
        is_dispute,
        stream="incentive-disputes",
        key=by("dispute_id"),
    ),
    Held(
        dispute_notes,
        Words("Isi keberatan dan jawabannya", "What was written about disputes"),
        lambda who: dispute_notes.c.dispute_id.in_(sa.select(incentive_disputes.c.dispute_id).where(is_dispute(who))),
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
