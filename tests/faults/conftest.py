"""Proofs by pytest. They run with `--tier`, and are left out of an ordinary test run."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.evidence import Evidence, Scale

_ENDING = pytest.StashKey[tuple[str, float, str | None]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Cells run only when a tier is asked for, and those of the long tier only there."""
    tier, wanted = config.getoption("--tier"), config.getoption("--cell")
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        mark = item.get_closest_marker("cell")
        fits = mark is None or (tier is not None and (tier == "long" or mark.kwargs.get("tier", "test") == "test"))
        if wanted is not None:
            fits = mark is not None and mark.args[0] == wanted
        (kept if fits else left).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" or report.failed:
        where = str(report.longrepr).splitlines()[-1][:500] if report.failed else None
        item.stash[_ENDING] = (report.outcome, call.duration, where)
    return report


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """What every random choice of a proof hangs on; `--seed`."""
    return int(request.config.getoption("--seed"))


@pytest.fixture
def scale(request: pytest.FixtureRequest) -> Scale:
    tier = request.config.getoption("--tier")

    def pick(*, test: Any, long: Any) -> Any:
        return long if tier == "long" else test

    return pick


@pytest.fixture
def evidence(request: pytest.FixtureRequest, seed: int) -> Iterator[Evidence]:
    """The evidence of this test; a test that ends well without complete evidence fails here."""
    mark = request.node.get_closest_marker("cell")
    assert mark is not None, "a proof is marked with the cell it proves: @pytest.mark.cell(id, fault=…, service=…)"
    tier = request.config.getoption("--tier") or "test"
    found = Evidence(mark.args[0], mark.kwargs["fault"], mark.kwargs["service"], tier, seed)
    yield found
    outcome, seconds, error = request.node.stash.get(_ENDING, ("failed", 0.0, "did not end"))
    incomplete = found.complete() if outcome == "passed" else None
    if folder := request.config.getoption("--evidence"):
        found.write(
            Path(folder),
            test=request.node.nodeid,
            outcome="error" if incomplete else outcome,
            seconds=seconds,
            error=incomplete or error,
        )
    assert incomplete is None, incomplete
