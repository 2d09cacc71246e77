from __future__ import annotations

import pytest

from chassis import ids
from tests.support.seeded_ids import seeded_ids
from tests.support.service import Harness


@pytest.fixture(autouse=True)
def ids_of_the_walk(h: Harness, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first step on every id is the seed's, so a walk meets the same in every run: also what comes in the order of ids."""
    made = seeded_ids(vars(request.module)["SEED"])
    monkeypatch.setitem(vars(ids), "uuid7", lambda: next(made))
