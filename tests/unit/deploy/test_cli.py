"""What `perisai status` makes of a service's own words."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from typer.testing import CliRunner, Result

from deploy import cli
from deploy.cli import STATUS_ROWS

SOMEBODY = "0199aaaa-0000-7000-8000-000000000001"


def test_a_blown_fuse_stands_in_the_table() -> None:
    facts = {"consumers": {"participants": "20 failures in a row", "contributions": "running"}}
    assert STATUS_ROWS["readers"](facts) == "participants: 20 failures in a row"


def test_running_readers_are_one_word() -> None:
    assert STATUS_ROWS["readers"]({"consumers": {"participants": "running"}}) == "running"


def test_what_waits_for_a_person_is_named_and_what_does_not_is_left_out() -> None:
    attention = {"incentive_payouts_overdue": 2, "incentive_runs_unfinished": 0}
    assert STATUS_ROWS["waits for a person"]({"attention": attention}) == "incentive_payouts_overdue: 2"
    assert STATUS_ROWS["waits for a person"]({"attention": {"incentive_runs_unfinished": 0}}) == "nothing"


class Audit:
    """In audit's place: gives one answer, or none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer: tuple[int, Any] | None = None
        monkeypatch.setenv("PERISAI_AUDIT", "http://audit.example")
        monkeypatch.setenv("PERISAI_TOKEN", "a-token")
        monkeypatch.setattr(httpx, "request", self._asked)

    def _asked(self, method: str, url: str, **_: Any) -> httpx.Response:
        if self.answer is None:
            raise httpx.ConnectError("no")
        status, told = self.answer
        return httpx.Response(status, json=told, headers={"content-type": "application/problem+json"})

    def asked(self, *words: str) -> Result:
        """`perisai audit as-of WORDS`."""
        commands = typer.Typer()
        commands.command()(cli.as_of)
        return CliRunner().invoke(commands, [*words])


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> Audit:
    return Audit(monkeypatch)


def test_who_is_no_auditor_and_what_is_wrong_with_a_field_is_told_in_both_languages(audit: Audit) -> None:
    forbidden = {"code": "forbidden", "messages": {"id": "Anda tidak berhak.", "en": "You may not."}}
    fault = {
        "field": "query.at",
        "code": "out_of_range",
        "messages": {"id": "Tulis tahun lain.", "en": "Another year."},
    }
    invalid = {"code": "invalid", "messages": {"id": "Perbaiki.", "en": "Correct it."}, "errors": [fault]}
    for answer, said in (
        ((403, forbidden), "audit menolak / refused: 403 forbidden: Anda tidak berhak. / You may not."),
        ((422, invalid), "Perbaiki. / Correct it.\n  query.at: Tulis tahun lain. / Another year."),
        (None, "audit tidak menjawab / does not answer at http://audit.example"),
    ):
        audit.answer = answer
        found = audit.asked("2026-11-30", "--participant", SOMEBODY)
        assert found.exit_code == 1 and isinstance(found.exception, SystemExit)
        assert said in found.output


def test_a_page_that_cannot_be_written_is_one_sentence(audit: Audit, tmp_path: Path) -> None:
    nothing: dict[str, Any] = {"events": [], "related": [], "more_related": False, "keys": []}
    audit.answer = 200, {"subject": "agent", "id": SOMEBODY, "at": "2026-11-30T00:00:00Z", **nothing}
    page = tmp_path / "no-folder" / "page.html"
    found = audit.asked("2026-11-30", "--agent", SOMEBODY, "--html", str(page))
    assert (found.exit_code, isinstance(found.exception, SystemExit)) == (1, True)
    assert f"--html: {page} tidak dapat ditulis / cannot be written" in found.output
    assert json.loads(audit.asked("2026-11-30", "--agent", SOMEBODY, "--json").output)["events"] == []
