"""The sandbox of a bank's team: invented people alone, hours that are shut, and never in production."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events.partners import Conditions
from contracts.values import Sex
from deploy.local import sandbox
from deploy.local.state import State, StateFile
from deploy.local.trouble import Trouble
from services.payments.domain.snap.hours import closed_at
from services.registration.domain.nik import fault, warnings

MARKS = st.integers(0, 9_999).map(lambda n: f"{n:04d}")


@given(MARKS)
def test_the_people_are_well_formed_and_all_different(mark: str) -> None:
    forms = [sandbox._form(mark, number) for number in range(1, 61)]
    assert len({form["nik"] for form in forms}) == 60
    for form in forms:
        assert fault(form["nik"]) is None
        assert not warnings(form["nik"], birth_date=date.fromisoformat(form["birth_date"]), sex=Sex.MALE)
        assert form["name"].startswith("Contoh")


@given(st.integers(0, 2 * 365 * 24 * 60), st.integers(0, 8 * 60))
def test_the_shut_partner_is_shut_for_the_next_hours(since: int, minutes: int) -> None:
    now = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=since)
    conditions = Conditions.model_validate(sandbox._closed_now(now))
    assert closed_at(conditions, now + timedelta(minutes=minutes)) is not None


def test_nothing_is_made_where_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="not running"):
        sandbox.Running(tmp_path)


def test_nothing_is_made_in_production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    StateFile(tmp_path).write(State(facts={"payments": "http://127.0.0.1:1"}))
    monkeypatch.setattr(State, "running", True)
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "payments.json").write_text(json.dumps({"PERISAI_ENVIRONMENT": "production"}))
    with pytest.raises(Trouble, match="production"):
        sandbox.Running(tmp_path)
