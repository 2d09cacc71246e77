"""One chunk of an import: its rows registered, their results and the new position in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from chassis.privacy.vault import Vault
from chassis.problems import Rejected
from chassis.transaction import Tx
from services.registration.commands.registering import Registering, RegisterParticipant, Result
from services.registration.imports import store
from services.registration.imports.problems import DUPLICATE_OF_LINE, REGISTERED_BEFORE
from services.registration.imports.rows import Refused, Row, refusal, refusal_of
from services.registration.imports.store import Lease, Standing
from services.registration.problems import NIK_REGISTERED


@dataclass(frozen=True, slots=True)
class Written:
    """The row has its result."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Nothing was written: the import stands elsewhere (an earlier row failed alone), or another worker holds it."""


class ImportingRows:
    """The use case of one lease. Rows are consecutive; the first follows the line up to which the import is worked
    off.
    """

    def __init__(self, vault: Vault, registering: Registering, lease: Lease, *, lease_for: timedelta) -> None:
        self._vault, self._registering = vault, registering
        self._lease, self._lease_for = lease, lease_for

    async def __call__(self, tx: Tx, rows: Sequence[Row], /) -> list[Written | Skipped]:
        hashes = {row.line: self._vault.nik_hash(row.form.nik) for row in rows if row.form is not None}
        standing = await store.standing(tx.conn, self._lease, hashes.values())
        if standing is None or standing.line != rows[0].previous:
            return [Skipped() for _ in rows]
        bringers = {code: self._lease.uploader.bringer(code) for code in {row.agent_code for row in rows}}
        commands = {
            row.line: RegisterParticipant(row.form, bringers[row.agent_code], self._lease.meta)
            for row in rows
            if row.form is not None
        }
        registered = await self._registering(tx, list(commands.values())) if commands else []
        outcomes = dict(zip(commands, registered, strict=True))
        results = _results(rows, outcomes, hashes, standing)
        until = tx.wall + self._lease_for
        tx.defer(partial(store.write_results, lease=self._lease, results=results, until=until))
        return [Written() for _ in rows]


def _results(
    rows: Sequence[Row], outcomes: Mapping[int, Result | Rejected], hashes: Mapping[int, str], standing: Standing
) -> list[dict[str, Any]]:
    accepted_on = dict(standing.doubles)
    results = []
    for row in rows:
        if row.refused is not None:
            results.append(_refused(row.line, row.refused))
            continue
        outcome, nik_hash = outcomes[row.line], hashes[row.line]
        if nik_hash in accepted_on and _is_taken(outcome):
            first = str(accepted_on[nik_hash])
            results.append(_refused(row.line, refusal(DUPLICATE_OF_LINE, "nik", line=first)))
        elif isinstance(outcome, Rejected):
            results.append(_refused(row.line, refusal_of(outcome)))
        else:
            accepted_on[nik_hash] = row.line
            results.append(_accepted(row.line, outcome, nik_hash))
    return results


def _is_taken(outcome: Result | Rejected) -> bool:
    return outcome.problem is NIK_REGISTERED if isinstance(outcome, Rejected) else outcome.repeated


def _accepted(line: int, result: Result, nik_hash: str) -> dict[str, Any]:
    return {
        "line": line,
        "outcome": "accepted",
        "code": REGISTERED_BEFORE if result.repeated else None,
        "column": None,
        "remedy_id": None,
        "remedy_en": None,
        "participant_id": result.participant_id,
        "contribution_code": result.contribution_code,
        "warnings": list(result.warnings),
        "nik_hash": nik_hash,
    }


def _refused(line: int, refused: Refused) -> dict[str, Any]:
    return {
        "line": line,
        "outcome": "refused",
        "code": refused.code,
        "column": refused.column,
        "remedy_id": refused.remedy_id,
        "remedy_en": refused.remedy_en,
        "participant_id": None,
        "contribution_code": None,
        "warnings": [],
        "nik_hash": None,
    }
