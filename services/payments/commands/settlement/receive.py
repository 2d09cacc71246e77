"""Layouts that were agreed, and files that were uploaded: the same bytes again are the day's last file, or make it so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.outcomes import Accepted
from chassis.problems import Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.events.reconciliation import SettlementFileReceived, SettlementLayout, SettlementLayoutAgreed
from contracts.values import Rupiah, SettlementFileId
from services.payments.commands.partners import STREAM as PARTNERS
from services.payments.commands.settlement import STREAM
from services.payments.domain.settlement.days import stream_key
from services.payments.domain.settlement.files import Checked
from services.payments.domain.settlement.layouts import LAYOUT_RULES
from services.payments.domain.settlement.outcomes import RECONCILIATION_RULES
from services.payments.problems import NO_SUCH_PARTNER
from services.payments.queries import agreed
from services.payments.queries import settlement as queries
from services.payments.tables import settlement_parts


@dataclass(frozen=True, slots=True)
class AgreeOnLayout:
    """Files of this partner from the business day `valid_from` on; the layout was found readable."""

    partner: str
    valid_from: date
    layout: SettlementLayout
    meta: Meta


@dataclass(frozen=True, slots=True)
class ReceiveFile:
    """A file that was checked by `layout`. `boxes`: its header, its parts and its trailer, encrypted under `file_id`."""

    file_id: SettlementFileId
    partner: str
    day: date
    sha256: str
    checked: Checked
    layout: SettlementLayout
    boxes: Sequence[bytes]
    meta: Meta


async def agree_on_layouts(tx: Tx, items: Sequence[AgreeOnLayout], /) -> list[Accepted | Rejected]:
    """From that day on; what was reconciled before stays as it is."""
    await tx.heads(PARTNERS, {item.partner for item in items})
    known = await agreed.partners(tx.conn)
    return [_agree(tx, item) if item.partner in known else _no_such(item.partner) for item in items]


def _no_such(partner: str) -> Rejected:
    return Rejected(NO_SUCH_PARTNER, "partner", {"partner": partner})


def _agree(tx: Tx, item: AgreeOnLayout) -> Accepted:
    event = SettlementLayoutAgreed(partner=item.partner, valid_from=item.valid_from, layout=item.layout)
    tx.record(event, key=item.partner, meta=item.meta, scope=Scope(), rules=LAYOUT_RULES)
    return Accepted({"partner": item.partner, "valid_from": item.valid_from.isoformat()})


async def receive_files(tx: Tx, items: Sequence[ReceiveFile], /) -> list[Accepted | Rejected]:
    """202 for a new file, 200 with its id for the bytes of the day's last one.

    Bytes of an earlier one are a new file: so a partner takes back a correction that was wrong.
    """
    days = {(item.partner, item.day) for item in items}
    await tx.heads(STREAM, {stream_key(*day) for day in days})
    last = await queries.last_files(tx.conn, days)
    outcomes: list[Accepted | Rejected] = []
    for item in items:
        sha256, file_id = last.get((item.partner, item.day), (None, item.file_id))
        new = sha256 != item.sha256
        if new:
            file_id = item.file_id
            last[item.partner, item.day] = item.sha256, file_id
            _record(tx, item)
        outcomes.append(Accepted({"file_id": str(file_id)}, 202 if new else 200))
    return outcomes


def _record(tx: Tx, item: ReceiveFile) -> None:
    received = SettlementFileReceived(
        file_id=item.file_id,
        partner=item.partner,
        day=item.day,
        sha256=item.sha256,
        parts=len(item.checked.parts),
        lines=item.checked.lines,
        amount=Rupiah(item.checked.amount),
        fees=Rupiah(item.checked.fees),
        layout=item.layout,
    )
    key = stream_key(item.partner, item.day)
    tx.record(received, key=key, meta=item.meta, scope=Scope(), rules=RECONCILIATION_RULES)
    tx.defer(partial(_store, stored=_part_rows(item)))


def _part_rows(item: ReceiveFile) -> list[dict[str, Any]]:
    parts = [item.checked.before, *item.checked.parts, item.checked.after]
    return [
        {"file_id": item.file_id, "number": number, "first_line": part.first_line, "box": box}
        for number, (part, box) in enumerate(zip(parts, item.boxes, strict=True))
    ]


async def _store(conn: AsyncConnection, stored: list[dict[str, Any]]) -> None:
    await rows.insert(conn, settlement_parts, stored)
