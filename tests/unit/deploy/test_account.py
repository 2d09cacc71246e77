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
        "payments: the archive has ContributionBilled 2, and its own log does not / catatan layanan tidak punya",
        "payments: ContributionBilled 1 is not the same in the archive and in its own log / isinya tidak sama",
        "payments: its own log has ContributionBilled 3, and the archive does not, or not yet / arsip tidak atau belum punya",
    ]
    assert as_text(found).index("WARNING") < as_text(found).index("(ContributionBilled)  contributions/k1")
    assert page(found).index("berbeda") < page(found).index("<h2>")


def test_a_service_that_knows_nothing_of_it_differs_in_everything() -> None:
    assert told(account(event("1"), event("2")), {"payments": {}}).differences == [
        "payments: the archive has ContributionBilled 1, and its own log does not / catatan layanan tidak punya",
        "payments: the archive has ContributionBilled 2, and its own log does not / catatan layanan tidak punya",
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
    assert "http" not in shown


SEALED = {"sealed_for": "p1", "box": "c2VhbGVk"}


def readable() -> tuple[str, str]:
    """What stands before the appendix, and the appendix."""
    payload = {
        "amount": 36_800,
        "reason": None,
        "person": SEALED,
        "contact": {**SEALED, "box": None},
        "months": [{"jkk": 10_000}],
    }
    one = event("1", payload=payload, rules="bpu/7", recorded_at="2026-11-30T18:00:00.468859Z")
    row = {"amount": 1_036_800, "name": "sealed", "reason": None, "issued_at": "2026-11-30T17:00:00+00:00"}
    shown = page(told(account(one), {"payments": answer(one, bills=[row])}))
    before, _, appendix = shown.partition("Lampiran")
    return before, appendix


def test_a_page_is_told_in_words_wib_and_rupiah() -> None:
    shown, _ = readable()
    assert "30-11-2026 18.00.00 WIB" in shown and "(UTC+7)" in shown, "the moment that was asked for"
    assert "01-12-2026 01.00.00 WIB" in shown and "468859" not in shown
    assert "Iuran ditagih<br><small>ContributionBilled</small>" in shown
    assert "agent-7" in shown and "bpu/7" in shown
    assert "jumlah <small>amount</small>: Rp36.800" in shown and "Rp10.000" in shown
    assert "Tagihan<br><small>payments: bills</small>" in shown and "Rp1.036.800" in shown
    assert "01-12-2026 00.00.00 WIB" in shown and "reason" not in shown
    assert shown.count("tersegel (sealed)") == 2 and shown.count("dihapus (erased)") == 1
    assert "c2VhbGVk" not in shown and "{" not in shown.partition("</style>")[2], "no JSON, no boxes"


def test_what_a_page_says_in_other_words_stands_as_given_at_its_end() -> None:
    _, appendix = readable()
    for given in ("c2VhbGVk", "36800", "2026-11-30T18:00:00.468859Z", "payload_sha256", "&quot;offset&quot;: 9"):
        assert given in appendix, given
    assert "no proof covers it" in appendix, "which records carried an event is under no checkpoint"


def test_a_terminal_is_told_in_both_languages_and_wib() -> None:
    one = event("1")
    text = as_text(told({**account(one), "related": [one]}, {"payments": answer(one, bills=[{"amount": 5}])}))
    for said in (
        "Peserta (participant) p1 pada / as of 30-11-2026 18.00.00 WIB",
        "Iuran ditagih (ContributionBilled)",
        "oleh / by agent-7",
        "dari rangkaian yang sama / of the same chains:",
        "Tagihan (payments bills)",
        "jumlah (amount): 5",
    ):
        assert said in text, said


def test_a_subject_is_one_part_of_an_address_whatever_it_is_called() -> None:
    assert path_of("bill", "../../x?y", START).startswith("/accounts/bill/..%2F..%2Fx%3Fy?at=")
    assert "+" not in path_of("bill", "x", START)
