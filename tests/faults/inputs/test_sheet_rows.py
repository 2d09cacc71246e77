"""Bad rows in files: each is refused alone, with line, column and remedy; whatever stands in a file, accepted + refused = rows."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.inputs.refusals import odd, unlike
from tests.faults.inputs.sheets import XLSX, people, workbook
from tests.faults.trial import Trial, people_of
from tests.integration.registration.files import Worked, seen, table, upload, worked, worker
from tests.integration.registration.world import World, form, nik_of

pytestmark = pytest.mark.timeout(900)


def _bad_rows(dice: random.Random, foreign_agent: str) -> Iterator[tuple[dict[str, str], str, str | None]]:
    """(row, code, column), one for each way to spoil one."""
    nik = nik_of()
    for changes_, code, column in (
        ({"nik": f"{dice.randrange(1, 10)}.{dice.randrange(10, 99)}E+15"}, "nik_not_text", "nik"),
        ({"nik": f"{dice.randrange(1, 10)},{dice.randrange(10**6)}e15"}, "nik_not_text", "nik"),
        ({"nik": nik.lstrip("3")}, "nik_format", "nik"),
        ({"nik": ""}, "missing", "nik"),
        ({"nik": nik[:12] + "0000"}, "nik_serial", "nik"),
        ({"birth_date": dice.choice(["1990-02-30", "31/04/1990", "1990-13-01", "29-02-1991", "kemarin"])}, "date_impossible", "birth_date"),
        ({"birth_date": "2030-01-01"}, "birth_date_future", "birth_date"),
        ({"phone": "0215551234"}, "phone_not_mobile", "phone"),
        ({"income": dice.choice(["Rp1000000", "1.000.000", "1e6", "banyak"])}, "number_unreadable", "income"),
        ({"income": "0"}, "income_not_positive", "income"),
        ({"sex": "X"}, "sex_unreadable", "sex"),
        ({"consent": "mungkin"}, "yes_no_unreadable", "consent"),
        ({"consent": "tidak"}, "consent_missing", "consent"),
        ({"name": ""}, "missing", "name"),
        ({"name": dice.choice(["a\x01b", "a\x1bb", "a\u202eb"])}, "bad_characters", "name"),
        ({"name": "x" * dice.randrange(256, 900)}, "too_long", "name"),
        ({"agent_code": foreign_agent}, "agent_unknown", "agent_code"),
    ):  # fmt: skip
        yield {**people(1)[0], "agent_code": "", **changes_}, code, column


def _told(done: Worked, expected: Sequence[tuple[str | None, str | None]]) -> list[Violation]:
    """Every row has its result: line, outcome, code, column, and a remedy in both languages where it was refused."""
    wrong = list[Violation]()
    for at, ((code, column), one) in enumerate(zip(expected, done.rows, strict=True)):
        found = (one["line"], one["outcome"], one["code"], one["column"])
        meant = (at + 2, "refused" if code else "accepted", code, column)
        if found != meant:
            wrong.append(odd(f"row {at}", code, meant, found))
        if code and not (one["remedy"] and one["remedy"]["id"] and one["remedy"]["en"]):
            wrong.append(odd(f"row {at}", code, "a remedy in both languages", "none"))
    summary = done.summary
    if (summary["accepted"] + summary["refused"], summary["status"]) != (len(expected), "DONE"):
        wrong.append(odd("import", "", f"{len(expected)} rows, DONE", summary["status"]))
    return wrong


@pytest.mark.cell("input.sheet.row", fault="inputs", service="registration")
async def test_a_bad_row_is_refused_alone(world: World, evidence: Evidence, dice: random.Random, scale: Scale) -> None:
    """Among good ones, in any order; in a file of an officer, who may name the agents of the own branch and no other."""
    elsewhere, trial = await _agent_elsewhere(world), Trial()
    for _ in range(scale(test=2, long=100)):
        rows = [*_bad_rows(dice, elsewhere), *((one, None, None) for one in people(8, agent_code=""))]
        dice.shuffle(rows)
        before = await people_of(world.h)
        done = await worked(world, table(*(one for one, _, _ in rows)), world.officer())
        trial.take(_told(done, [(code, column) for _, code, column in rows]), tries=len(rows))
        text = str([done.rows, done.summary])
        said = sum(value in text for one, _, _ in rows for value in (one["nik"], one["name"]) if len(value) > 8)
        trial.wrong += unlike(("participants", 8, await people_of(world.h) - before), ("values told", 0, said))
    trial.ends(evidence, unit="row")


async def _agent_elsewhere(world: World) -> str:
    """The code of an active agent of another branch."""
    new = {"code": "J09", "name": "Cabang Lain", "city": "Serang"}
    made = await world.h.client.post("/branches", json=new, headers=world.h.token(roles=["central"]))
    other = World(world.h, UUID(made.json()["branch_id"]))
    other.wadah_id = await other.engaged("PKS-9")
    own = UUID((await other.register(form(), other.officer())).json()["participant_id"])
    await other.pay(own)
    agent_id, code = await other.proposed(own)
    await other.activated(agent_id)
    return code


@pytest.mark.cell("input.sheet.row", fault="inputs", service="registration")
async def test_a_workbook_s_numbers_and_dates_are_what_they_look_like(world: World, evidence: Evidence) -> None:
    """A NIK that was stored as a number lost digits; an agent may name himself alone."""
    good, number, real, other, own = people(5, agent_code="")
    rows: list[dict[str, Any]] = [
        {**good, "birth_date": date(1990, 3, 4), "income": 1_000_000},
        {**number, "nik": int(number["nik"])},
        {**real, "nik": float(real["nik"])},
        {**other, "agent_code": "PRS99999999"},
        {**own, "income": 1_000_000.5},
    ]
    expected = (
        (None, None),
        *[("nik_not_text", "nik")] * 2,
        ("agent_unknown", "agent_code"),
        ("number_unreadable", "income"),
    )
    done = await worked(world, workbook(rows), media_type=XLSX)
    evidence.fired(len(rows), of=5, unit="row")
    evidence.holds("inputs.answers", checked=len(rows), violations=_told(done, expected))


@pytest.mark.cell("input.sheet.double", fault="inputs", service="registration")
async def test_a_person_twice_is_told_of_the_first_line_and_one_who_is_known_of_nothing(
    world: World, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    trial = Trial()
    for _ in range(scale(test=3, long=100)):
        (known, *new), before = people(8), await people_of(world.h)
        assert (await worked(world, table(known), world.officer())).outcomes == ["accepted"]
        rows = [*new, known, *(dice.choice([one, {**one, "income": "2000000"}]) for one in dice.sample(new, 3))]
        dice.shuffle(rows)
        niks = [one["nik"] for one in rows]
        doubles = {at: niks.index(nik) + 2 for at, nik in enumerate(niks) if niks.index(nik) != at}
        codes = ["duplicate_of_line" if at in doubles else None for at in range(len(rows))]
        codes[niks.index(known["nik"])] = "nik_registered"
        answer = await upload(world, table(*rows))
        await worker(world, chunk=dice.randrange(1, 6)).work(asyncio.Event())
        done = await seen(world, answer.json()["import_id"], world.agent())
        trial.take(_told(done, [(code, "nik" if code else None) for code in codes]), tries=len(rows))
        unsaid = [at for at, line in doubles.items() if f"line {line} " not in done.rows[at]["remedy"]["en"]]
        made = await people_of(world.h) - before
        trial.wrong += unlike(("rows that do not name their first line", [], unsaid), ("participants", 8, made))
    trial.ends(evidence, unit="row")
