"""As the tests of the same name in payments: after the migration an old database says what a replay of its log says."""

from __future__ import annotations

from datetime import date

from tests.integration.registration.test_agency import post
from tests.integration.registration.world import World
from tests.support.backfills import migrated, rows_of
from tests.support.stack import Stack


async def test_0006_the_agreement_of_a_wadah_is_its_first_and_its_number_is_taken(world: World, stack: Stack) -> None:
    terms = {"name": "Lain", "agreement_number": "PKS-2", "term_from": "2025-10-01", "term_to": "2026-09-30"}
    assert (await post(world, "/wadah", world.officer(), terms | {"monthly_target": 25}))[0] == 201
    body = {"ended_on": "2025-10-05", "reason": "target_missed"}
    assert (await post(world, f"/wadah/{world.wadah_id}/end", world.checker(), body))[0] == 200
    h = world.h
    async with h.app.read() as played:
        wanted = await rows_of(played, "wadah", order="wadah_id")
        numbers = await rows_of(played, "agreement_numbers")
    laid = [
        f"INSERT INTO wadah (wadah_id, branch_id, name, agreement_number, scheme, term_from, term_to, ended_on, monthly_target)"
        f" VALUES ('{row['wadah_id']}', '{row['branch_id']}', '{row['name']}', '{one['number']}', '{one['scheme']}',"
        f" '{one['from']}', '{one['to']}', {_or_null(one['ended'])}, {_or_null(one['target'])})"
        for row in wanted
        for one in row["agreements"]
    ]
    async with migrated(h, stack, before="0005", tables=[], as_it_was=laid) as old:
        found = await rows_of(old, "wadah", order="wadah_id")
        assert {row["name"]: (one["ended"], one["target"]) for row in found for one in row["agreements"]} == {
            "DPC SPN": (date(2025, 10, 5).isoformat(), None),
            "Lain": (None, 25),
        }
        assert found == wanted
        assert await rows_of(old, "agreement_numbers") == numbers


def _or_null(value: object) -> str:
    return "NULL" if value is None else f"'{value}'"
