"""A month under other rules: to the rupiah as the handbook has it, nothing where the rules are those in force, and nothing live touched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from chassis.replay import own_log, rebuilt
from contracts.events.agency import IncentiveScheme
from contracts.events.participants import RefusalReason
from contracts.values import ContributionMonth, Programme, Rupiah, Sector
from services.payments.app import SERVICE
from services.payments.domain.parameters import CONTRIBUTION
from services.payments.domain.parameters.incentives import NEW_SET, OLD_SET
from services.payments.what_if.answers import Answer
from services.payments.what_if.ask import KINDS, NotWhole, Question, Subject, answered, check
from services.payments.what_if.supposing import Unanswerable, supposed
from tests.integration.payments.agency import Worker, close_month, engage, hire, suspend
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.incentive_doors import acquire, ahead, buy, enrol, statement, wadah_statement
from tests.integration.payments.people import correct, reassign, refuse, register
from tests.integration.payments.test_parameters import enact
from tests.support import archive
from tests.support.service import Harness

INCENTIVES, CONTRIBUTIONS = Subject.INCENTIVES, Subject.CONTRIBUTIONS
TWO = (Programme.JKK, Programme.JKM)
AS_THEY_ARE: dict[str, Any] = {
    "incentive_set_new": json.loads(NEW_SET.model_dump_json()),
    "incentive_set_old": json.loads(OLD_SET.model_dump_json()),
}


async def what_if(
    h: Harness, subject: Subject, month: str, rules: dict[str, Any], lines: Sequence[bytes] | None = None
) -> dict[str, Answer]:
    """Answers by id. `lines`: the archive; the whole log unless given."""
    await archive.sent(h)
    question = Question(subject, ContributionMonth.parse(month), supposed(rules, KINDS[subject]))
    feed = archive.feed_of(await archive.kept(h) if lines is None else lines)
    asked = answered(question, SERVICE, h.app.engine, h.app.vault, feed=feed, ready=archive.nothing)
    async with asked as answers:
        return {one.who["id"]: one async for one in answers}


def sums(answers: dict[str, Answer], who: object) -> tuple[int, int, int]:
    one = answers[str(who)]
    return one.stated, one.was, one.would


async def test_an_official_case_under_other_rates_is_to_the_rupiah(h: Harness, bank: Bank) -> None:
    """C2 of domain.md section 13: 30 new under NEW, 1,104,000 received; 450,000 + 15% = 615,600, Wadah 61,560."""
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 30)
    await close_month(h, at(2025, 11, 3, 0))
    dearer = {
        "incentive_set_new": {"head_with_jht": 20_000, "rates": [{"through": 24, "bps": 2_000}], "wadah_bps": 500}
    }
    found = await what_if(h, INCENTIVES, "2025-10", dearer)
    agent = 30 * 20_000 + 1_104_000 * 20 // 100
    assert sums(found, worker.agent_id) == (615_600, 615_600, agent)
    assert found[str(worker.agent_id)].parts == {
        "acquisition_pay": (450_000, 600_000),
        "contribution_pay": (165_600, 220_800),
        "carved": (0, 0),
    }
    assert sums(found, worker.scope.wadah_id) == (61_560, 61_560, agent * 5 // 100)
    rules = found[str(worker.agent_id)].rules
    assert rules == ("perisai-incentive-new/2022-04", "perisai-incentive-new/2022-04+what-if")
    # a threshold is on all of them: one more and nobody's head pays
    missed = await what_if(h, INCENTIVES, "2025-10", {"incentive_set_new": {"threshold": 31}})
    assert sums(missed, worker.agent_id) == (615_600, 615_600, 165_600)


async def test_rules_of_the_old_scheme_leave_the_new_one_alone(h: Harness, bank: Bank) -> None:
    old = await hire(h, await engage(h, scheme=IncentiveScheme.OLD))
    new = await hire(h, await engage(h))
    for worker in (old, new):
        await acquire(h, bank, worker, 2)
    await close_month(h, at(2025, 11, 3, 0))
    found = await what_if(h, INCENTIVES, "2025-10", {"incentive_set_old": {"threshold": 2, "wadah_bps": 2_000}})
    gross = 2 * 36_800 * 75 // 1_000
    assert sums(found, old.agent_id) == (gross * 9 // 10, gross * 9 // 10, (500_000 + gross) * 8 // 10)
    assert found[str(new.agent_id)].difference == found[str(new.scope.wadah_id)].difference == 0


async def test_months_that_would_be_earned_as_they_come_are_those_of_this_month_alone(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    (who,) = await enrol(h, worker, 1)
    await ahead(h, bank, worker, who, 6)
    await close_month(h, at(2025, 11, 3, 0))
    rules = {"incentive_set_new": {"recognition": "ON_CONTRIBUTION_MONTH"}}
    found = await what_if(h, INCENTIVES, "2025-10", rules)
    assert sums(found, worker.agent_id) == (6 * 5_520, 6 * 5_520, 5_520)


async def history(h: Harness, bank: Bank) -> list[Worker]:
    """Three months of nearly all that moves an amount: people prepaid, reassigned, refused, late; agents of two schemes, one suspended, one with
    a set of his Wadah's own.
    """
    wadah = await engage(h)
    one, other = await hire(h, wadah), await hire(h, wadah)
    old = await hire(h, await engage(h, scheme=IncentiveScheme.OLD, term=(date(2022, 1, 1), date(2025, 12, 31))))
    special = await hire(h, await engage(h))
    own = AS_THEY_ARE["incentive_set_new"] | {"threshold": 2, "head_without_jht": 12_345, "threshold_recompute": False}
    wanted = {"valid_from": "2025-11-01", "source": "PKS contoh", "value": own, "subject": str(special.scope.wadah_id)}
    await enact(h, "incentive_set_new", wanted)
    people = await acquire(h, bank, one, 26)
    (prepaid,) = await enrol(h, other, 1)
    await ahead(h, bank, other, prepaid, 6)
    await acquire(h, bank, old, 3, programmes=TWO)
    h.clock.set(at(2025, 10, 20))
    await suspend(h, other)
    await close_month(h, at(2025, 11, 3, 0))
    first = await enrol(h, special, 2, programmes=TWO)
    taken = [await buy(bank, who) for who in first]
    paid = [await buy(bank, who) for who in people[:3]]
    await refuse(h, people[0], paid[0], RefusalReason.ENTRY_AGE_EXCEEDED)
    await reassign(h, prepaid, one.agent_id, "2025-12")
    await close_month(h, at(2025, 12, 3, 0))
    h.clock.set(at(2025, 12, 4))
    await bank.pay(people[5].code, 2 * 36_800, trxDateTime="2025-12-04T08:00:00+07:00")
    await buy(bank, first[0])
    await refuse(h, first[1], taken[1], RefusalReason.ENTRY_AGE_EXCEEDED)  # one below his threshold, which is kept
    await close_month(h, at(2026, 1, 3, 0))
    return [one, other, old, special]


async def test_under_the_rules_in_force_nothing_differs_for_anybody(h: Harness, bank: Bank) -> None:
    """Every closed month of a busy history, with the values in force named one by one, some and none of them."""
    workers = await history(h, bank)
    for month in ("2025-10", "2025-11", "2025-12"):
        for rules in (
            {},
            AS_THEY_ARE if month == "2025-10" else {"incentive_set_old": AS_THEY_ARE["incentive_set_old"]},
        ):
            found = await what_if(h, INCENTIVES, month, rules)
            assert {*found} >= {str(worker.agent_id) for worker in workers}
            assert [one for one in found.values() if not one.stated == one.was == one.would] == []
            assert all(one.rules[0] == one.rules[1] for one in found.values())
    for month in ("2025-10", "2025-11", "2026-03"):
        found = await what_if(h, CONTRIBUTIONS, month, {"contribution": {"jkm": 6_800}})
        assert [one for one in found.values() if not one.stated == one.was == one.would] == []
    stated = {str(w.agent_id): (await statement(h, w, "2025-11"))["agent"] for w in workers}
    (since,) = [a for a in (await statement(h, workers[3], "2025-12"))["adjustments"] if a["month"] == "2025-11"]
    assert since["agent"] == 12_345 + 2_520
    stated[str(workers[3].agent_id)] = since["agent"]
    november = await what_if(h, INCENTIVES, "2025-11", {})
    assert {who: november[who].stated for who in stated} == stated
    whole = await wadah_statement(h, workers[0], "2025-11")
    assert november[str(workers[0].scope.wadah_id)].stated == whole["share"]


async def test_what_came_since_the_statement_is_told_apart_from_the_rules(h: Harness, bank: Bank) -> None:
    """A late payment of a closed month is in no statement before the next run: no rule made that difference."""
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 1)
    (late,) = await enrol(h, worker, 1)
    await close_month(h, at(2025, 11, 3, 0))
    h.clock.set(at(2025, 11, 5))
    await bank.pay(late.code, 36_800, trxDateTime="2025-10-31T23:00:00+07:00")
    found = await what_if(h, INCENTIVES, "2025-10", {})
    assert sums(found, worker.agent_id) == (5_520, 2 * 5_520, 2 * 5_520)
    await close_month(h, at(2025, 12, 3, 0))
    assert sums(await what_if(h, INCENTIVES, "2025-10", {}), worker.agent_id) == (11_040, 11_040, 11_040)


async def test_a_bill_is_priced_anew_by_what_was_known_when_it_was_issued(h: Harness, bank: Bank) -> None:
    """The income of 1,250,000 is another band today; a later correction changes no bill. C14 of domain.md section 13 comes out by value."""
    ojol = await register(h, sector=Sector.TRANSPORT, programmes=TWO)
    rich = await register(h, income=Rupiah(1_250_000))
    h.clock.set(at(2025, 10, 20))
    await buy(bank, ojol)
    await buy(bank, rich)
    await correct(h, rich, income=Rupiah(9_999_999))
    h.clock.set(at(2025, 11, 10))
    halved = {
        "contribution": {"discounts": [{"sector": "TRANSPORT", "first": "2025-10", "last": "2025-10", "bps": 5_000}]}
    }
    found = {one.who["participant_id"]: one for one in (await what_if(h, CONTRIBUTIONS, "2025-10", halved)).values()}
    one = found[str(ojol.participant_id)]
    assert (one.stated, one.was, one.would) == (16_800, 16_800, 8_400)
    assert one.parts == {"jkk": (10_000, 5_000), "jkm": (6_800, 3_400), "jht": (0, 0)}
    assert sums({"": found[str(rich.participant_id)]}, "") == (42_800, 42_800, 42_800)
    # another border moves the income of then, not that of today
    table = json.loads(CONTRIBUTION.defaults[0].value.model_dump_json())["table"]
    table[1]["income_from"] = 1_250_001
    moved = await what_if(h, CONTRIBUTIONS, "2025-10", {"contribution": {"table": table, "jkm": 7_000}})
    by = {one.who["participant_id"]: one for one in moved.values()}
    assert by[str(rich.participant_id)].would == 10_000 + 7_000 + 20_000
    assert by[str(rich.participant_id)].rules == ("bpu-contribution/2015-07", "bpu-contribution/2015-07+what-if")


async def everything(h: Harness) -> dict[str, tuple[int, str | None]]:
    """Every live table with the number of its rows and a hash over them."""
    async with h.app.read() as conn:
        names = (
            await conn.execute(
                sa.text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
            )
        ).scalars()
        found = {}
        for name in names.all():
            asked = f'SELECT count(*), md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM public."{name}" AS t'
            count, digest = (await conn.execute(sa.text(asked))).one()
            found[name] = (count, digest)
        return found


async def test_nothing_live_is_touched(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 2)
    await close_month(h, at(2025, 11, 3, 0))
    await archive.sent(h)
    before = await everything(h)
    assert before["event_log"][0] > 10
    for subject, rules in (
        (INCENTIVES, {"incentive_set_new": {"threshold": 1}}),
        (CONTRIBUTIONS, {"contribution": {"jkm": 7_000}}),
    ):
        changed = await what_if(h, subject, "2025-10", rules)
        assert any(one.difference for one in changed.values())
    assert await everything(h) == before | {"relay_cursors": (await everything(h))["relay_cursors"]}


async def test_what_is_rebuilt_can_be_read_and_nothing_else(h: Harness, bank: Bank) -> None:
    """By construction: the connection is read-only, and names that the shadow does not have mean nothing on it."""
    async with rebuilt(SERVICE, h.app.engine, h.app.vault, source=own_log(SERVICE), progress=lambda _: None) as conn:
        assert (await conn.execute(sa.text("SELECT count(*) FROM partners"))).scalar() == 1
        with pytest.raises(DBAPIError, match='relation "event_log" does not exist'):
            async with conn.begin_nested():
                await conn.execute(sa.text("SELECT 1 FROM event_log"))
        with pytest.raises(DBAPIError, match="read-only transaction"):
            await conn.execute(sa.text("DELETE FROM public.partners"))


async def test_an_archive_that_is_not_whole_gives_no_sum(h: Harness, bank: Bank) -> None:
    first = len(await archive.kept(h))
    h.pass_time(minutes=1)
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 1)
    await close_month(h, at(2025, 11, 3, 0))
    lines = await archive.kept(h)
    with pytest.raises(NotWhole, match=r"begins late: the log of payments begins 20.*, its archive 20"):
        await what_if(h, INCENTIVES, "2025-10", {}, lines[first:])
    with pytest.raises(NotWhole, match=r"the archive begins late: .* its archive is empty"):
        await what_if(h, INCENTIVES, "2025-10", {}, [])
    with pytest.raises(NotWhole, match=r"differ on 1 events, the first of them [0-9a-f-]{36} \(missing_in_archive\)"):
        await what_if(h, INCENTIVES, "2025-10", {}, lines[:-1])


async def test_months_that_have_no_answer_are_named(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 1)
    for subject, month, code in (
        (INCENTIVES, "2025-10", "month_without_statements"),
        (INCENTIVES, "2019-01", "month_without_statements"),
        (CONTRIBUTIONS, "2019-01", "month_without_payments"),
    ):
        with pytest.raises(Unanswerable) as refused:
            await what_if(h, subject, month, {})
        (fault,) = refused.value.errors
        assert (fault.field, fault.code, month in fault.id, month in fault.en) == ("--month", code, True, True)
    now = h.clock.business()
    ahead_ = Question(CONTRIBUTIONS, ContributionMonth.of(now), supposed({}, ()))
    later = Question(CONTRIBUTIONS, ContributionMonth(2025, 9), supposed({}, ()), until=now + timedelta(seconds=1))
    for question, field, code in ((ahead_, "--month", "month_not_over"), (later, "--until", "time_to_come")):
        with pytest.raises(Unanswerable) as refused:
            check(question, now=now, wall=now)
        assert [(one.field, one.code) for one in refused.value.errors] == [(field, code)]
    check(Question(CONTRIBUTIONS, ContributionMonth(2025, 9), supposed({}, ())), now=now, wall=now)
