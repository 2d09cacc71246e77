"""`perisai audit what-if`, as an auditor runs it: payments computes in a process of its own, from the archive, and asks for nobody's key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from chassis.telemetry import configure_logs
from services.audit.cli import app
from services.payments.app import SERVICE as PAYMENTS
from tests.integration.audit.world import World, audited, environment
from tests.integration.payments.agency import Worker, close_month, engage, hire
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.incentive_doors import acquire
from tests.support import archive, toy_processes
from tests.support.service import Harness, harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(900)  # several processes, one after the other
DEARER = "[incentive_set_new]\nhead_with_jht = 20_000\nthreshold = 1\n[incentive_set_old]\nflat = 1\n"


@dataclass
class Month:
    """Audit, and payments with an incentive month that is over, all of it archived."""

    w: World
    h: Harness
    worker: Worker
    environ: dict[str, str]
    folder: Path

    async def ask(self, rules: str, *arguments: str) -> Result:
        """`perisai audit what-if ARGUMENTS --rules FILE`."""
        (self.folder / "rules.toml").write_text(rules)
        asked = ["what-if", *arguments, "--rules", str(self.folder / "rules.toml")]
        try:
            return await asyncio.to_thread(CliRunner().invoke, app, asked, env=self.environ)
        finally:
            configure_logs("tests")


@pytest.fixture
async def month(stack: Stack, tmp_path: Path) -> AsyncIterator[Month]:
    async with audited(stack, tmp_path / "checkpoints") as w, harness(PAYMENTS, stack) as h:
        bank = await Bank(h).enable()
        worker = await hire(h, await engage(h))
        await acquire(h, bank, worker, 2)
        await close_month(h, at(2025, 11, 3, 0))
        home = tmp_path / "home"
        (home / "environments").mkdir(parents=True)
        # whoever is asked for a person's key there does not answer
        own = toy_processes.environment("payments", h.app.settings.database_url, "127.0.0.1:1", "perisai.")
        settings = {name: value for name, value in own.items() if name.startswith("PERISAI_")}
        (home / "environments" / "payments.json").write_text(json.dumps(settings))
        await w.keep(*await archive.published(h))
        yield Month(w, h, worker, environment(w) | {"PERISAI_HOME": str(home)}, tmp_path)


async def heights(*harnesses: Harness) -> list[Any]:
    """How far the logs have come."""
    found = []
    for h in harnesses:
        async with h.app.read() as conn:
            found.append((await conn.execute(sa.text("SELECT count(*), max(position) FROM event_log"))).one())
    return found


async def test_who_would_have_had_what_is_shown_and_nothing_recorded(month: Month) -> None:
    before = await heights(month.h, month.w.h)
    shown = await month.ask(DEARER, "incentives", "--month", "2025-10")
    assert shown.exit_code == 0, shown.output
    (line,) = [
        line.replace("│", " ").split() for line in shown.stdout.splitlines() if str(month.worker.agent_id) in line
    ]
    assert line == [
        "agent",
        str(month.worker.agent_id),
        "perisai-incentive-new/2022-04+what-if",
        "11,040",
        "51,040",
        "40,000",
    ]
    assert "perisai-incentive-new/2022-04 head_with_jht: 15000 -> 20000" in shown.stdout
    assert "incentive_set_old: nobody stands under it in this month" in shown.stdout
    told = await month.ask(DEARER, "incentives", "--month", "2025-10", "--json")
    (answer,) = told.stdout.splitlines()
    found = json.loads(answer)
    assert [(one["role"], one["stated"], one["was"], one["would"], one["difference"]) for one in found["rows"]] == [
        ("agent", 11_040, 11_040, 51_040, 40_000),
        ("wadah", 1_104, 1_104, 5_104, 4_000),
    ]
    assert found["totals"]["agent"] == {
        "count": 1,
        "different": 1,
        "unstated": 0,
        "stated": 11_040,
        "was": 11_040,
        "would": 51_040,
        "difference": 40_000,
    }
    assert await heights(month.h, month.w.h) == before


async def test_those_whose_sum_would_be_the_same_are_counted_and_shown_when_asked_for(month: Month) -> None:
    same = await month.ask("", "contributions", "--month", "2025-10", "--json")
    assert same.exit_code == 0, same.output
    found = json.loads(same.stdout)
    assert (found["rows"], found["totals"]["bill"]["count"], found["totals"]["bill"]["difference"]) == ([], 2, 0)
    everybody = await month.ask("", "contributions", "--month", "2025-10", "--json", "--everybody")
    assert [one["would"] for one in json.loads(everybody.stdout)["rows"]] == [36_800, 36_800]


@pytest.mark.usefixtures("impatient")
async def test_what_cannot_be_asked_or_had_is_named(month: Month) -> None:
    async def said(rules: str, *arguments: str) -> tuple[int, str]:
        result = await month.ask(rules, *arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result.exit_code, " ".join(result.output.split())

    of_october = ("incentives", "--month", "2025-10")
    for rules, arguments, code, words in (
        ("", ("incentives", "--month", "October"), 1, "--month: 'October' is no month"),
        (
            "",
            ("incentives", "--month", "2099-01"),
            1,
            "--month: 2099-01 is not over; ask after its end. / Bulan 2099-01",
        ),
        ("", ("incentives", "--month", "2025-09"), 1, "--month: The archive has no complete statements of 2025-09."),
        ("", (*of_october, "--until", "2099-01-01"), 1, "--until: that time has not come yet / waktu itu belum tiba"),
        ("", (*of_october, "--until", "noon"), 1, "'noon' bukan waktu"),
        ("threshold", of_october, 1, "is no TOML / bukan TOML"),
        ("x = '" + "x" * 70_000 + "'", of_october, 1, "is over 65536 bytes"),
        ("[incentive_set_new]\nhead = 1", of_october, 1, "incentive_set_new.head: This field is not known; remove it."),
        ("[contribution]\njkm = 1", of_october, 1, "contribution: It changes none of these sums"),
        ("", (*of_october, "--via", "false"), 2, "nothing was compared"),
        ("", (*of_october, "--via", "no-such-program"), 2, "nothing was compared"),
    ):
        found, text = await said(rules, *arguments)
        assert (found, words in text) == (code, True), text
    result = await asyncio.to_thread(
        CliRunner().invoke, app, ["what-if", *of_october, "--rules", "no-such-file"], env=month.environ
    )
    assert (result.exit_code, "--rules: no-such-file cannot be read" in result.output) == (1, True)
    await month.w.tamper("DELETE FROM archive WHERE place < 4")
    assert (await said("", *of_october))[0] == 2
