"""What each file is read by."""

from __future__ import annotations

from collections.abc import Mapping

from chassis.transaction import Tx
from contracts.events.reconciliation import SettlementLayout
from contracts.values import SettlementFileId
from services.payments.queries import settlement as queries
from services.payments.queries.settlement import File


async def layouts_of(tx: Tx, files: Mapping[SettlementFileId, File]) -> dict[SettlementFileId, SettlementLayout]:
    """What each file was found readable by; of files of before that was noted, what is agreed for their day."""
    layouts = {file_id: file.layout for file_id, file in files.items() if file.layout is not None}
    if older := [file for file_id, file in files.items() if file_id not in layouts]:
        agreed_on = await queries.layouts(tx.conn, {(file.partner, file.day) for file in older})
        layouts |= {file.file_id: agreed_on[file.partner, file.day] for file in older}
    return layouts
