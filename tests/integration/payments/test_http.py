"""Bills, payments, ledger and partners over HTTP: who may, whose things, and repeats."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.integration.payments.bank import Bank, code
from tests.integration.payments.people import AGENT, BRANCH, register
from tests.support.service import Harness

ELSEWHERE = UUID(int=0xE)


async def test_an_agent_gets_a_longer_bill_and_the_same_again(h: Harness) -> None:
    who = await register(h)
    wanted = {"participant_id": str(who.participant_id), "months": 3}
    headers = h.token(roles=["agent"], agent_id=AGENT)
    first = await h.client.post("/bills", json=wanted, headers=headers)
    repeat = await h.client.post("/bills", json=wanted, headers=headers)
    assert first.status_code == repeat.status_code == 201
    assert first.json() == repeat.json()
    assert (first.json()["amount"], first.json()["months"]) == (110_400, ["2025-10", "2025-11", "2025-12"])
    same = await h.client.post("/bills", json=wanted, headers=h.token(roles=["agent"], agent_id=AGENT))
    assert (same.status_code, same.json()["bill_id"]) == (200, first.json()["bill_id"])
    shown = (await h.client.get(f"/bills?participant_id={who.participant_id}", headers=headers)).json()
    assert [(b["status"], b["reason"]) for b in shown] == [("OPEN", None), ("CANCELLED", "replaced")]


async def test_a_wrong_wish_for_a_bill_is_422(h: Harness) -> None:
    who = await register(h)
    wrong: list[dict[str, Any]] = [
        {"months": 4}, {"months": "3"}, {"months": True}, {"months": 3.0}, {"extra": 1}, {"participant_id": "x"},
    ]  # fmt: skip
    for change in wrong:
        body = {"participant_id": str(who.participant_id), "months": 3} | change
        response = await h.client.post("/bills", json=body, headers=h.token(roles=["agent"], agent_id=AGENT))
        assert response.status_code == 422, change


async def test_foreign_and_unknown_participants_are_the_same_404(h: Harness, bank: Bank) -> None:
    who = await register(h)
    await bank.buy(who.code)
    own = [
        h.token(roles=["agent"], agent_id=AGENT),
        h.token(roles=["officer"], branch_id=BRANCH),
        h.token(roles=["participant"], participant_id=who.participant_id),
    ]
    foreign = [
        h.token(roles=["agent"], agent_id=ELSEWHERE),
        h.token(roles=["agent"]),
        h.token(roles=["officer"], branch_id=ELSEWHERE),
        h.token(roles=["participant"], participant_id=ELSEWHERE),
    ]
    for path in ("/bills", "/payments"):
        for headers in own:
            response = await h.client.get(f"{path}?participant_id={who.participant_id}", headers=headers)
            assert (response.status_code, len(response.json())) == (200, 1)
        unknown = await h.client.get(f"{path}?participant_id={ELSEWHERE}", headers=own[0])
        for headers in foreign:
            response = await h.client.get(f"{path}?participant_id={who.participant_id}", headers=headers)
            assert (response.status_code, response.json()) == (404, unknown.json())
    for headers in foreign:
        body = {"participant_id": str(who.participant_id), "months": 1}
        assert (await h.client.post("/bills", json=body, headers=headers)).status_code == 404


async def test_each_door_is_open_to_its_roles_alone(h: Harness) -> None:
    who = await register(h)
    doors: list[tuple[str, str, Any, set[str]]] = [
        ("POST", "/bills", {"participant_id": str(who.participant_id), "months": 1}, {"agent", "officer", "participant"}),
        ("GET", f"/bills?participant_id={who.participant_id}", None,
         {"agent", "officer", "checker", "participant", "central", "auditor", "operator"}),
        ("GET", f"/payments?participant_id={who.participant_id}", None,
         {"agent", "officer", "checker", "participant", "central", "auditor", "operator"}),
        ("GET", "/contributions/totals", None,
         {"agent", "officer", "checker", "participant", "central", "auditor", "operator"}),
        ("GET", "/ledger/trial-balance", None, {"officer", "checker", "central", "auditor", "operator"}),
        ("GET", "/ledger/accounts/suspense/transfers", None, {"officer", "checker", "central", "auditor", "operator"}),
        ("POST", "/partners", {}, {"central", "operator"}),
        ("GET", "/partners", None, {"central", "operator", "auditor"}),
        ("POST", "/partners/x/keys", {}, {"central", "operator"}),
        ("POST", "/partners/x/disable", {}, {"central", "operator"}),
        ("POST", "/partners/x/enable", None, {"central", "operator"}),
        ("POST", "/partners/x/terms", {}, {"central", "operator"}),
        ("POST", "/partners/x/conditions", {}, {"central", "operator"}),
        ("POST", "/partners/x/secrets", {}, {"central", "operator"}),
        ("GET", "/partners/x", None, {"central", "operator", "auditor"}),
        ("POST", "/partners/x/acquirer", {}, {"central", "operator"}),
        ("POST", "/partners/x/acquirer/keys", {}, {"central", "operator"}),
        ("POST", "/partners/x/acquirer/secrets", {}, {"central", "operator"}),
        ("POST", f"/partners/x/acquirer/credentials/{ELSEWHERE}/activate", {}, {"central", "operator"}),
        ("POST", f"/partners/x/acquirer/credentials/{ELSEWHERE}/retire", None, {"central", "operator"}),
        ("GET", "/partners/x/acquirer", None, {"central", "operator", "auditor"}),
    ]  # fmt: skip
    roles = {"agent", "officer", "checker", "coordinator", "participant", "central", "auditor", "operator", "service"}
    for method, path, body, allowed in doors:
        assert (await h.client.request(method, path, json=body)).status_code == 401
        for role in sorted(roles):
            headers = h.token(roles=[role], branch_id=BRANCH, agent_id=AGENT, participant_id=who.participant_id)
            status = (await h.client.request(method, path, json=body, headers=headers)).status_code
            assert (status == 403) == (role not in allowed), (method, path, role, status)


async def test_an_officer_sees_the_books_of_the_own_branch(h: Harness, bank: Bank) -> None:
    who = await register(h)
    await bank.buy(who.code)
    own = await h.client.get("/ledger/trial-balance", headers=h.token(roles=["officer"], branch_id=BRANCH))
    other = await h.client.get("/ledger/trial-balance", headers=h.token(roles=["officer"], branch_id=ELSEWHERE))
    assert (own.json()["contributions"], other.json()["contributions"]) == (36_800, 0)
    path = "/ledger/accounts/clearing:bank-a/transfers"
    mine = await h.client.get(path, headers=h.token(roles=["officer"], branch_id=BRANCH))
    theirs = await h.client.get(path, headers=h.token(roles=["officer"], branch_id=ELSEWHERE))
    assert (len(mine.json()["transfers"]), theirs.status_code, theirs.json()["code"]) == (3, 404, "account_unknown")


async def test_totals_are_those_of_the_callers_scope(h: Harness, bank: Bank) -> None:
    paid, _unpaid = await register(h), await register(h)
    await bank.buy(paid.code)
    mine = await h.client.get("/contributions/totals", headers=h.token(roles=["agent"], agent_id=AGENT))
    theirs = await h.client.get("/contributions/totals", headers=h.token(roles=["agent"], agent_id=ELSEWHERE))
    assert (mine.json()["billed"], mine.json()["paid"]) == (2, 1)
    assert (theirs.json()["billed"], theirs.json()["paid"]) == (0, 0)


async def test_a_statement_is_read_page_by_page(h: Harness, bank: Bank) -> None:
    people = [await register(h) for _ in range(6)]
    for who in people:
        body = {"participant_id": str(who.participant_id), "months": 12}
        await h.client.post("/bills", json=body, headers=h.token(roles=["agent"], agent_id=AGENT))
        assert code(await bank.buy(who.code)) == "2002500"
    path, found, after = "/ledger/accounts/clearing:bank-a/transfers", [], ""
    while True:
        page = (await h.client.get(path + after, headers=h.token(roles=["auditor"]))).json()
        found += page["transfers"]
        if page["next"] is None:
            break
        after = f"?after={page['next']}"
    assert len(found) == 6 * 12 * 3
    assert len({(t["event_id"], t["line"]) for t in found}) == len(found)
    assert sum(t["amount"] for t in found) == 6 * 12 * 36_800
    assert (await h.client.get(path + "?after=nonsense", headers=h.token(roles=["auditor"]))).status_code == 422


@pytest.mark.parametrize("after", ["-" * 36 + ":1", "0" * 36 + ":1", "x"])
async def test_place_in_a_statement_that_is_none_is_refused(h: Harness, after: str) -> None:
    path = "/ledger/accounts/suspense/transfers"
    answer = await h.client.get(path, params={"after": after}, headers=h.token(roles=["central"]))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.after")
