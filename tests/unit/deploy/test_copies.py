"""A copy as it is put together, written and shown: both languages, rupiah, WIB, and nothing of a person taken for markup."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chassis.copied import SOMEBODY_ELSE
from deploy.copies import SERVICES, as_json, put_together, schema, write
from deploy.copy_page import page
from deploy.pages import shown
from tools.lint import ROOT

WHO = "019a0000-0000-7000-8000-000000000001"
ASKED = {"participant_id": WHO, "export_id": WHO, "status": "REQUESTED", "due_by": "2026-12-03T02:00:00+00:00"}
NOW = datetime(2026, 11, 30, 17, 5, 9, tzinfo=UTC)


def table(name: str, *rows: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "title": {"id": "Tagihan", "en": "Bills"}, "rows": [*rows]}


def part(service: str, *tables: dict[str, Any], **event: Any) -> dict[str, Any]:
    one = {
        "event_id": WHO,
        "type": "ContributionBilled",
        "version": 1,
        "stream": "contributions",
        "key": WHO,
        "seq": 1,
        "occurred_at": "2026-11-30T10:00:00Z",
        "recorded_at": "2026-11-30T10:00:01Z",
        "actor": "agent-7",
        "rules": "bpu/1",
        "correlation_id": WHO,
        "branch_id": None,
        "wadah_id": None,
        "agent_id": None,
        "data": {"amount": 36_800, "note": "<b>x</b>"},
        **event,
    }
    return {
        "service": service,
        "participant_id": WHO,
        "made_at": "2026-11-30T17:05:09Z",
        "tables": [*tables],
        "events": [one],
        "told": [{"id": f"Kata {service}", "en": f"Word of {service}"}],
    }


def test_each_part_is_in_the_file_and_who_knows_nobody_says_so() -> None:
    copy = put_together(ASKED, {"registration": part("registration"), "payments": {}}, NOW)
    found = json.loads(as_json(copy))
    assert found["format"] == "perisai-export/1"
    assert found["services"]["registration"]["events"][0]["data"]["amount"] == 36_800
    assert found["services"]["payments"] is None
    first, second = found["told"]
    assert first["en"] == "Word of registration"
    assert "payments" in second["en"] and "payments" in second["id"]


def test_the_page_has_both_languages_rupiah_and_wib() -> None:
    row = {
        "amount": 1_036_800,
        "issued_at": "2026-11-30T17:00:00Z",
        "day": "2026-11-30",
        "reason": None,
        "upheld": True,
    }
    copy = put_together(ASKED, {"payments": part("payments", table("bills", row))}, NOW)
    told = page(copy)
    assert "Rp1.036.800" in told and "Rp36.800" in told
    assert "01-12-2026 00.00.00 WIB" in told and "30-11-2026<" in told
    assert "Tagihan<br><small>Bills (bills)" in told and "jumlah<br><small>amount" in told
    assert "Kata payments" in told and "Word of payments" in told
    assert "ya (yes)" in told and "reason" not in told, "a column that is always empty is left out"


def test_nothing_of_a_person_is_taken_for_markup() -> None:
    row = {"name": "<script>x</script>", "note": '"><img>', "programmes": ["<i>"], "spells": [{"<u>": "<u>"}]}
    told = page(put_together(ASKED, {"payments": part("payments", table("<b>", row, row))}, NOW))
    for markup in ("<script>", "<img>", "<i>", "<u>", "<b>"):
        assert markup not in told, markup


def test_texts_that_only_look_like_times_stay_and_others_are_said_to_be_others() -> None:
    assert shown("note", "2026-99-99") == "2026-99-99"
    assert shown("participant_id", SOMEBODY_ELSE) == "orang lain (somebody else)"
    assert shown("details", '{"number": "137", "holder": "A"}') == "nomor <small>number</small>: 137<br>holder: A"
    assert shown("sex", "F") == "F" and shown("seq", 1_000) == "1000"


def test_the_schema_of_the_file_is_committed() -> None:
    """`python -m deploy.copies` writes it."""
    assert (ROOT / "docs" / "export.schema.json").read_text(encoding="utf-8") == schema()


def test_every_service_that_holds_something_is_asked() -> None:
    assert set(SERVICES) == {file.parent.name for file in ROOT.glob("services/*/holdings.py")}


def test_the_files_are_for_nobody_else_and_never_written_over(tmp_path: Path) -> None:
    file = tmp_path / "salinan.json"
    write(file, "{}\n")
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        write(file, "else")
    assert file.read_text(encoding="utf-8") == "{}\n"
