"""The report of the outreach day adds up only if the auditor is content with all of it."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from deploy.local.outreach import day
from deploy.local.outreach.report import expected
from deploy.local.outreach_day import differences
from deploy.local.stack import SERVICES


def good() -> dict[str, Any]:
    refused = json.loads(Path(day.HERE / "refusals.json").read_text(encoding="utf-8"))
    audited = {"archived": 9, "verified": True, "proof_checked": True, "replay_equal": dict.fromkeys(SERVICES, True)}
    return {**expected(refused), "events": 9, "on_topics": 9, "audit": audited}


def test_a_day_that_adds_up_has_no_differences() -> None:
    assert differences(good()) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("on_topics",), 8),
        (("strangers",), 1),
        (("audit", "archived"), 8),
        (("audit", "archived"), 10),
        (("audit", "verified"), False),
        (("audit", "proof_checked"), False),
        *((("audit", "replay_equal", name), False) for name in SERVICES),
    ],
)
def test_whatever_an_auditor_is_not_content_with_is_a_difference(path: tuple[str, ...], value: object) -> None:
    found = deepcopy(good())
    place = found
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    (told,) = differences(found)
    assert told.startswith(f"{path[0]}: expected ")
