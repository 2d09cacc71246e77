"""A file is worked off step by step: killed in the middle, by two at once, with any number of lines, it comes out the same."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from chassis.database import Unavailable
from chassis.service import App
from chassis.timers import Timers
from services.payments.app import SERVICE
from services.payments.commands.arrive import BookArrivals
from services.payments.commands.settlement import finish
from services.payments.domain.settlement import files
from services.payments.tables import payments, settlement_files, settlement_lines
from tests.integration.payments.bank import Bank
from tests.integration.payments.office import NEXT_DAY, NOBODY, TIMER, Office, account, paid, totals
from tests.integration.payments.people import register
from tests.support.service import Harness, harness, settings_for
from tests.support.settlement import MARKED, marked
from tests.support.stack import Stack


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PART_LINES", 2)


async def mixed(h: Harness, bank: Bank) -> bytes:
    """Eight lines: matched, missing here (paying and odd), doubled, unreadable."""
    one, two, three = await paid(h, bank, 3)
    new = ("LOST-1", account(await register(h)), 36_800)
    lines = [one, new, "D,nonsense", two, ("ODD-1", NOBODY, 5_000), one, new, three]
    return marked(*lines, amount=10_000_000)


WANTED = ["matched", "missing_here", "unreadable", "matched", "missing_here", "duplicate", "duplicate", "matched"]


def timers_of(app: App, h: Harness) -> tuple[Timers, Any]:
    (timer,) = [t for t in app.composition.timers if t.name == TIMER]
    return Timers(app.engine, app.batches, h.clock, [timer], service=SERVICE.name), timer


async def came_out_right(h: Harness, office: Office, file_id: str) -> None:
    file = await office.get(f"/settlements/files/{file_id}")
    assert (file["status"], file["lines_done"]) == ("RECONCILED", 8)
    assert await office.outcomes(file) == WANTED
    kinds = sorted(case["kind"] for case in await office.cases())
    assert kinds == ["duplicate", "duplicate", "unreadable"]
    assert await office.balance("clearing:bank-a") == 4 * 36_800 + 5_000


@pytest.mark.usefixtures("small_parts")
async def test_a_process_that_died_in_mid_file_is_gone_on_from_by_another(
    h: Harness, bank: Bank, office: Office
) -> None:
    file_id = (await office.upload(await mixed(h, bank))).json()["file_id"]
    timers, timer = timers_of(h.app, h)
    for _ in range(2):
        await timers.fire(timer)
    shown = await office.get(f"/settlements/files/{file_id}")
    assert (shown["status"], shown["lines_done"]) == ("WORKING", 4)
    another = App(SERVICE, settings_for(SERVICE, h.app.settings.database_url), clock=h.clock)
    try:
        timers, timer = timers_of(another, h)
        while await timers.fire(timer):
            pass
    finally:
        await another.close()
    await came_out_right(h, office, file_id)


@pytest.mark.usefixtures("small_parts")
async def test_a_step_that_fails_leaves_nothing_and_is_tried_again(
    h: Harness, bank: Bank, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = (await office.upload(await mixed(h, bank))).json()["file_id"]
    timers, timer = timers_of(h.app, h)
    await timers.fire(timer)
    events = len(await h.events())

    async def broken(*_: object) -> None:
        raise RuntimeError("as if the process had a bug")

    with monkeypatch.context() as patch:
        patch.setattr(BookArrivals, "__call__", broken)
        await timers.fire(timer)
    assert len(await h.events()) == events
    assert await timers.fire(timer) == 0, "it was backed off"
    h.pass_time(seconds=10)
    assert await h.due(TIMER) > 0
    await came_out_right(h, office, file_id)


@pytest.mark.usefixtures("small_parts")
async def test_two_that_work_on_one_file_do_nothing_twice(h: Harness, bank: Bank, office: Office) -> None:
    file_id = (await office.upload(await mixed(h, bank))).json()["file_id"]
    timers, timer = timers_of(h.app, h)
    for _ in range(8):
        await asyncio.gather(*(timers.fire(timer) for _ in range(3)))
    await came_out_right(h, office, file_id)


@pytest.mark.usefixtures("small_parts")
async def test_a_file_that_cannot_be_opened_holds_back_its_partner_and_nobody_else(h: Harness, office: Office) -> None:
    spoilt = (await office.upload(marked(("ODD-1", NOBODY, 5_000)))).json()["file_id"]
    async with h.app.engine.begin() as conn:
        await conn.execute(sa.text("UPDATE settlement_parts SET box = decode('00', 'hex')"))
    await Bank(h, "bank-b", "8200", "client-b", "b-secret-of-the-tests-0001", "82001").enable()
    await office.agree(MARKED.model_copy(update={"partner_code": "82001"}), partner="bank-b")
    good = (await office.upload(marked(("ODD-1", NOBODY, 5_000), partner="82001"), partner="bank-b")).json()["file_id"]
    later = (await office.upload(marked(("ODD-2", NOBODY, 5_000)))).json()["file_id"]
    await h.due(TIMER)
    shown = [(await office.get(f"/settlements/files/{one}"))["status"] for one in (spoilt, good, later)]
    assert shown == ["STOPPED", "RECONCILED", "BEHIND"]


class TestAFileThatStops:
    """It is seen where people look: at the file and those behind it, in the list, and in what waits for a person."""

    @pytest.fixture
    async def stopped(self, h: Harness, office: Office, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, datetime]:
        """A file whose step raised twice, the one of the next day, and when the first failed first."""
        first = (await office.upload(marked(("ODD-1", NOBODY, 5_000)))).json()["file_id"]
        content = marked(("ODD-2", NOBODY, 5_000), day=NEXT_DAY)
        second = (await office.upload(content, NEXT_DAY)).json()["file_id"]
        begun = h.clock.business()

        async def broken(*_: object) -> None:
            raise RuntimeError("as if the process had a bug")

        with monkeypatch.context() as patch:
            patch.setattr(BookArrivals, "__call__", broken)
            await h.due(TIMER)
            h.pass_time(seconds=60)
            await h.due(TIMER)
        return first, second, begun

    async def test_says_since_when_and_what_to_do(
        self, h: Harness, office: Office, stopped: tuple[str, str, datetime]
    ) -> None:
        first, second, begun = stopped
        for file_id, status in ((first, "STOPPED"), (second, "BEHIND")):
            file = await office.get(f"/settlements/files/{file_id}")
            assert file["status"] == status
            hindrance = file["hindrance"]
            assert (hindrance["file_id"], hindrance["reason"], hindrance["attempts"]) == (first, "failed", 2)
            assert datetime.fromisoformat(hindrance["since"]) == begun
            assert datetime.fromisoformat(hindrance["again_at"]) > h.clock.business()
            assert {*hindrance["what_to_do"]} == {"id", "en"}
        assert "operator" in (await office.get(f"/settlements/files/{first}"))["hindrance"]["what_to_do"]["en"]

    async def test_stands_in_the_list_of_those_that_do_not_go_on(
        self, office: Office, stopped: tuple[str, str, datetime]
    ) -> None:
        first, second, _ = stopped
        listed = (await office.get("/settlements/files?stopped=true"))["items"]
        assert [file["file_id"] for file in listed] == [second, first]
        assert (await office.get("/settlements/files?stopped=false"))["items"] == []
        assert len((await office.get("/settlements/files"))["items"]) == 2

    async def test_waits_for_a_person_until_it_goes_on(
        self, h: Harness, office: Office, stopped: tuple[str, str, datetime]
    ) -> None:
        async def waiting() -> int:
            answer = await h.client.get("/ops/status", headers=h.token(roles=["operator"]))
            return int(answer.json()["attention"]["settlement_files_stopped"])

        assert await waiting() == 1
        h.pass_time(seconds=3_600)
        await h.due(TIMER)
        assert await waiting() == 0
        for file_id in stopped[:2]:
            file = await office.get(f"/settlements/files/{file_id}")
            assert (file["status"], file["hindrance"]) == ("RECONCILED", None)
        assert (await office.get("/settlements/files?stopped=true"))["items"] == []


async def test_cases_of_a_day_that_the_bank_forgot_are_opened_in_steps(
    h: Harness, bank: Bank, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finish, "MOST_CASES", 2)
    await paid(h, bank, 5)
    file = await office.reconcile(marked())
    assert totals(file) == {"missing_at_bank": (5, 5 * 36_800)}
    assert len(await office.cases()) == 5


@pytest.mark.parametrize("size", [1, 400])
async def test_a_step_takes_as_many_statements_for_400_lines_as_for_one(
    h: Harness, bank: Bank, office: Office, size: int
) -> None:
    lines = await paid(h, bank)
    who = await register(h)
    odd = [(f"ODD-{n}", NOBODY, 5_000 + n) for n in range(size)]
    content = marked(*lines, ("LOST-1", account(who), 36_800), "D,nonsense", lines[0], *odd, amount=10**9)
    await office.upload(content)
    timers, timer = timers_of(h.app, h)
    before, _ = await h.statements()
    assert await timers.fire(timer) == 1
    after, _ = await h.statements()
    # of them: due 1, back-off 1, files and heads 3, layouts, partners, boxes 3, receipts 2, listings, cases 2, arrivals 5,
    # check 1, log 1, projections 12
    assert after - before <= 34


class TestMany:
    @pytest.mark.timeout(900)
    async def test_a_hundred_thousand_lines_take_less_than_ninety_seconds_of_the_processor(self, stack: Stack) -> None:
        """All but a few of them payments of ours; those lie there as if posted, so this database is not replayed."""
        async with harness(SERVICE, stack) as h:
            bank = await Bank(h).enable()
            office = Office(h)
            await office.agree()
            await _as_if_posted(h, 99_990)
            new = [("LOST-1", account(await register(h)), 36_800), ("ODD-1", NOBODY, 5_000)]
            lines = [(f"P-{n}", NOBODY, 36_800) for n in range(99_990)]
            doubled = [lines[7], lines[99_000]]
            content = marked(*lines[:50_000], "D,nonsense", *new, *doubled, *lines[50_000:], amount=10**12)
            started, cpu = time.monotonic(), time.process_time()
            file = await _reconciled(h, office, content)
            seconds, cpu = time.monotonic() - started, time.process_time() - cpu
            assert {name: number for name, (number, _) in totals(file).items()} == {
                "matched": 99_990, "missing_here": 2, "duplicate": 2, "unreadable": 1,
            }  # fmt: skip
            assert cpu < 90
            assert bank.partner == file["partner"]
            async with h.app.read() as conn:
                count = sa.select(sa.func.count()).select_from(settlement_lines)
                assert (await conn.execute(count)).scalar_one() == 99_995
                parts = (await conn.execute(sa.select(settlement_files.c.parts))).scalar_one()
            assert parts == 100
            print(f"100,000 lines in {seconds:.1f} s, {cpu:.1f} s of them on the processor")


async def _reconciled(h: Harness, office: Office, content: bytes) -> dict[str, Any]:
    """As the timers of a process do it: what an outage stops is due again."""
    file_id = (await office.upload(content)).json()["file_id"]
    while (shown := await office.get(f"/settlements/files/{file_id}"))["status"] != "RECONCILED":
        with contextlib.suppress(Unavailable):
            await h.due(TIMER)
    return dict(shown)


async def _as_if_posted(h: Harness, count: int) -> None:
    at = h.clock.business() - timedelta(hours=1)
    insert = sa.text(
        f"INSERT INTO {payments.name} (payment_id, partner, channel_reference, channel, amount, months, effective_at, posted_at)"
        " SELECT gen_random_uuid(), 'bank-a', 'P-' || n, 'snap-va', 36800, '[]', :at, :at FROM generate_series(0, :count - 1) AS n"
    )
    async with h.app.engine.begin() as conn:
        await conn.execute(insert, {"at": at, "count": count})
