"""What registration holds about a person, table by table, for the copy that a person may ask for (`chassis/held.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.held import Held, Holdings, Tell, Words, by
from chassis.privacy.vault import Vault
from contracts.values import ParticipantId
from services.registration.domain import erasure
from services.registration.queries import deciding as loads
from services.registration.tables import (
    agents,
    erasures,
    exports,
    import_results,
    imports,
    participants,
    people,
    reassignments,
)


def _results(who: UUID) -> sa.ColumnElement[bool]:
    """By the NIK's keyed hash, one look per file (index import_results_nik), as erasure finds them."""
    nik_hash = sa.select(participants.c.nik_hash).where(participants.c.participant_id == who).scalar_subquery()
    files = sa.select(imports.c.import_id)
    return sa.and_(
        import_results.c.import_id.in_(files),
        import_results.c.nik_hash == nik_hash,
        import_results.c.participant_id == who,
    )


TABLES: Final = (
    Held(
        participants,
        Words("Kepesertaan, formulir pendaftaran, dan persetujuan", "Participation, registration form and consent"),
        stream="participants",
    ),
    Held(people, Words("Data diri", "Who the person is")),
    Held(
        agents,
        Words("Tugas sebagai agen", "Office as an agent"),
        stream="agents",
        key=by("agent_id"),
        subject="agent_id",
    ),
    Held(
        reassignments,
        Words("Usulan alih binaan", "Proposals of who is to look after the person"),
        lambda who: reassignments.c.participants.contains([str(who)]),
    ),
    Held(
        import_results,
        Words("Baris berkas unggahan yang mendaftarkan", "Line of the uploaded file that registered the person"),
        _results,
    ),
    Held(exports, Words("Permintaan salinan data", "Requests for a copy"), stream="exports"),
    Held(erasures, Words("Permintaan penghapusan data", "Requests for erasure")),
)
NOBODYS: Final = {
    "branches": "of the branch",
    "wadah": "of an organisation",
    "agreement_numbers": "of an organisation",
    "outreach": "a session for the public; names agents and officers by id, and of a participant nothing",
    "forgotten_niks": "who was erased; such a person has no copy",
    "imports": "a whole file, not a person",
    "import_parts": "a whole file, encrypted, until it is worked off",
}
TOLD: Final = (
    Words(
        "Peserta lain, agen, dan petugas hanya disebut dengan nomor, atau tidak sama sekali (somebody_else).",
        "Other participants, agents and officers are named by number only, or not at all (somebody_else).",
    ),
    Words(
        "Berkas unggahan yang memuat data Anda bersama orang lain dihapus segera sesudah dikerjakan dan tidak disimpan.",
        "An uploaded file with your data beside those of others is deleted once it is worked off, and kept nowhere.",
    ),
    Words(
        "Kejadian pada salinan ini juga tersimpan tersegel di arsip audit dan di jalur pesan; isinya sama dan tidak diulang di sini.",
        "The events of this copy also stand sealed in the archive of audit and on the message topics; they are the same and not repeated here.",
    ),
)


def holdings(vault: Vault) -> Holdings:
    return Holdings(participants, TABLES, NOBODYS, TOLD, _kept_by_law(vault))


def _kept_by_law(vault: Vault) -> Tell:
    """What stands against an erasure now, and until when (UU 27/2022 Art. 15): the reasons for which the data are kept."""

    async def tell(conn: AsyncConnection, who: UUID, now: datetime) -> Sequence[Words]:
        key = ParticipantId(who)
        person = (await loads.participants_by_id(conn, [key]))[key]
        offices = (await loads.agents_who_are(conn, vault, [key])).get(key, ())
        found = erasure.check(person, offices, now=now)
        return [
            Words(f"Belum dapat dihapus: {one.id}", f"Cannot be erased yet: {one.en}")
            for one in erasure.obstacles_told(found)
        ]

    return tell
