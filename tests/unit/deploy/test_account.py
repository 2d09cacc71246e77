"""An account as it is put together and shown: where two logs differ stands first, and nothing of an event is taken for markup."""

from __future__ import annotations

from typing import Any

from deploy.account import as_text, path_of, questions, told
from deploy.account_page import page
from tests.support.clock import START


def event(event_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "place": 4,
        "intact": True,
        "source": "payments",
        "stream": "contributions",
        "key": "k1",
        "seq": 1,
        "type": "ContributionBilled",
        "version": 1,
        "rules": "bpu/1",
        "actor": "agent-7",
        "recorded_at": "2026-11-30T10:00:00Z",
        "occurred_at": "2026-11-30T10:00:00Z",
        "payload": {"note": "<b>x</b>"},
        "payload_sha256": "aa",
        "records": [{"topic": "contributions", "partition": 3, "offset": 9}],
        **changes,
    }


def account(*events: dict[str, Any], subject: str = "participant") -> dict[str, Any]:
    keys = [{"service": one["source"], "stream": one["stream"], "key": one["key"]} for one in events]
    return {
        "subject": subject,
        "id": "p1",
        "at": "2026-11-30T11:00:00Z",
        "events": [*events],
        "related": [],
        "more_related": False,
        "keys": keys,
    }


def answer(*events: dict[str, Any], **tables: list[dict[str, Any]]) -> dict[str, Any]:
    return {"events": [*events], "tables": tables}


def test_each_service_is_asked_for_its_own_keys_at_the_same_moment() -> None:
    asked = questions(account(event("1"), event("2", source="registration", stream="participants")))
    assert asked == {
        "payments": {"at": "2026-11-30T11:00:00Z", "keys": [{"stream": "contributions", "key": "k1"}]},
        "registration": {"at": "2026-11-30T11:00:00Z", "keys": [{"stream": "participants", "key": "k1"}]},
    }


def test_what_both_logs_have_alike_is_no_difference() -> None:
    one = event("1")
    assert not told(account(one), {"payments": answer(one)}).differences


def test_what_one_log_lacks_or_has_otherwise_is_a_difference() -> None:
    one, two, three = event("1"), event("2"), event("3")
    found = told(account(one, two), {"payments": answer(event("1", payload_sha256="bb"), three)})
    assert found.differences == [
        "payments: the archive has ContributionBilled 2, and its own log does not",
        "payments: ContributionBilled 1 is not the same in the archive and in its own log",
        "payments: its own log has ContributionBilled 3, and the archive does not, or not yet",
    ]
    assert as_text(found).index("WARNING") < as_text(found).index("ContributionBilled  contributions/k1")
    assert page(found).index("berbeda") < page(found).index("<h2>")


def test_a_service_that_knows_nothing_of_it_differs_in_everything() -> None:
    assert told(account(event("1"), event("2")), {"payments": {}}).differences == [
        "payments: the archive has ContributionBilled 1, and its own log does not",
        "payments: the archive has ContributionBilled 2, and its own log does not",
    ]


def test_of_a_bill_only_the_rows_that_name_it_are_told() -> None:
    rows = [{"bill_id": "p1", "n": 1}, {"bill_id": "other", "n": 2}]
    found = told(
        account(event("1"), subject="bill"), {"payments": answer(event("1"), event("9"), bills=rows, payers=[{"n": 1}])}
    )
    assert found.states == {"payments": {"bills": [{"bill_id": "p1", "n": 1}]}}
    assert not found.differences


def test_a_page_shows_what_was_written_and_runs_none_of_it() -> None:
    found = told(
        account(event("1", actor="<script>", intact=False)), {"payments": answer(event("1"), bills=[{"a": "&"}])}
    )
    shown = page(found)
    assert "<script>" not in shown and "&lt;script&gt;" in shown and "&lt;b&gt;x" in shown and "&amp;" in shown
    assert "DIUBAH" in shown and "CHANGED BY HAND" in as_text(found)
    assert "contributions:3:9" in shown and "http" not in shown


def test_a_subject_is_one_part_of_an_address_whatever_it_is_called() -> None:
    assert path_of("bill", "../../x?y", START).startswith("/accounts/bill/..%2F..%2Fx%3Fy?at=")
    assert "+" not in path_of("bill", "x", START)
