"""`perisai audit prove`: the proof file of one event, for somebody who will check it without us."""

from __future__ import annotations

import asyncio
import json
import shlex
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from services.audit.cli.opened import AsJson, database, id_of, refuse, settings
from services.audit.domain.checkpoints import Checkpoint
from services.audit.domain.proofs import Proof
from services.audit.queries.proofs import Broken, NotArchived, NotSigned, prove
from services.audit.settings import Settings

VERIFIER = "services/audit/verifier/verify_proof.py"
EventId = Annotated[str, typer.Argument(metavar="EVENT_ID", help="the id of the event (ce_id)")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="the proof file; default EVENT_ID.tlog-proof")]


def make(event_id: EventId, out: Out = None, as_json: AsJson = False) -> None:
    """Write the proof that an event is in the log, unaltered; exit code 1 when it cannot be proved."""
    wanted = id_of("EVENT_ID", event_id, "not the id of an event (a UUID) / bukan nomor peristiwa (UUID)")
    own = settings()
    proof = asyncio.run(_proof(own, wanted))
    file = out or Path(f"{wanted}.tlog-proof")
    try:
        file.write_text(str(proof), encoding="utf-8")
    except OSError as error:
        refuse(f"-o: {file} cannot be written / tidak dapat ditulis ({error.strerror})")
    check = ["python", VERIFIER, str(file), "--key", str(own.public_key)]
    size = Checkpoint.parse(proof.checkpoint.text).size
    told: dict[str, Any] = {"event_id": str(wanted), "file": str(file), "index": proof.index, "size": size}
    if as_json:
        print(json.dumps({**told, "log": own.audit_log, "key": str(own.public_key), "check": check}))
        return
    print(f"{file}: event {proof.index} of {size} in {own.audit_log}")
    print(f"check it without us / periksa tanpa kami: {shlex.join(check)}")


async def _proof(own: Settings, event_id: UUID) -> Proof:
    async with database(own.database_url) as engine, engine.connect() as conn:
        try:
            return await prove(conn, own.audit_log, event_id, own.shelf)
        except NotArchived:
            refuse(f"EVENT_ID: no event {event_id} is in the archive / tidak ada di arsip")
        except NotSigned:
            refuse(
                f"EVENT_ID: {event_id} is archived and not signed yet, ask again in {own.audit_sign_every_s:.0f} s"
                f" / sudah diarsipkan tetapi belum ditandatangani, ulangi dalam {own.audit_sign_every_s:.0f} detik"
            )
        except Broken as error:
            refuse(f"{error} / arsip telah diubah: jalankan `perisai audit verify`")
