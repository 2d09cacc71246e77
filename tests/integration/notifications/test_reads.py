"""What may be read about messages, by whom."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from chassis.ids import new_id
from tests.integration.notifications.driver import SCOPE, Driver

FULL = ("central", "auditor", "operator", "service")


def own(role: str, who: UUID) -> dict[str, Any]:
    """The token claims of somebody of this role to whom the participant belongs."""
    scopes: dict[str, dict[str, Any]] = {
        "agent": {"agent_id": SCOPE.agent_id},
        "coordinator": {"wadah_id": SCOPE.wadah_id},
        "officer": {"branch_id": SCOPE.branch_id},
        "checker": {"branch_id": SCOPE.branch_id},
        "participant": {"participant_id": who},
    }
    return scopes.get(role, {})


def foreign(role: str) -> dict[str, Any]:
    """The same claims with somebody else's ids."""
    return {name: new_id() for name in own(role, new_id())}


async def ids(d: Driver, query: dict[str, Any], **token: Any) -> list[str]:
    answer = await d.h.client.get("/notifications", params=query, headers=d.h.token(**token))
    assert answer.status_code == 200, answer.text
    return [one["notification_id"] for one in answer.json()["notifications"]]


class TestList:
    async def test_own_ones_are_seen_and_foreign_ones_are_not_there(self, d: Driver) -> None:
        welcome = await d.queued()
        who = (await d.message(welcome)).participant_id
        for role in ("agent", "officer", "checker", "participant", *FULL):
            assert await ids(d, {"participant_id": str(who)}, roles=[role], **own(role, who)) == [str(welcome)], role
        for role in ("agent", "officer", "checker", "participant"):
            assert await ids(d, {"participant_id": str(who)}, roles=[role], **foreign(role)) == [], role
            assert await ids(d, {}, roles=[role], **foreign(role)) == [], role
            assert await ids(d, {}, roles=[role]) == [], role

    async def test_a_wadah_board_sees_no_single_person(self, d: Driver) -> None:
        headers = d.h.token(roles=["coordinator"], wadah_id=SCOPE.wadah_id)
        assert (await d.h.client.get("/notifications", headers=headers)).status_code == 403
        assert (await d.h.client.get("/notifications")).status_code == 401

    async def test_it_says_what_became_of_a_message_and_nothing_personal(self, d: Driver) -> None:
        welcome = await d.queued()
        await d.sender().send_batch()
        answer = await d.h.client.get("/notifications", headers=d.h.token(roles=["operator"]))
        (shown,) = answer.json()["notifications"]
        assert {name: shown[name] for name in ("notification_id", "state", "template", "attempts", "reason")} == {
            "notification_id": str(welcome),
            "state": "SENT",
            "template": "welcome",
            "attempts": 1,
            "reason": None,
        }
        assert "Siti" not in answer.text
        assert "8120000" not in answer.text

    async def test_pages_are_newest_first_and_meet(self, d: Driver) -> None:
        queued = [str(await d.queued()) for _ in range(5)]
        seen: list[str] = []
        query: dict[str, Any] = {"limit": 2}
        while True:
            page = (await d.h.client.get("/notifications", params=query, headers=d.h.token(roles=["central"]))).json()
            seen += [one["notification_id"] for one in page["notifications"]]
            if page["next"] is None:
                break
            query["before"] = page["next"]
        assert seen == sorted(queued, reverse=True)

    async def test_by_state(self, d: Driver) -> None:
        welcome = await d.queued()
        assert await ids(d, {"state": "QUEUED"}, roles=["operator"]) == [str(welcome)]
        assert await ids(d, {"state": "UNKNOWN"}, roles=["operator"]) == []

    async def test_bad_queries_are_422(self, d: Driver) -> None:
        for query in ({"participant_id": "x"}, {"state": "LOST"}, {"limit": "0"}, {"limit": "201"}, {"before": "x"}):
            answer = await d.h.client.get("/notifications", params=query, headers=d.h.token(roles=["operator"]))
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), query


class TestCounts:
    async def test_each_message_is_counted_where_it_stands_and_where_it_has_been(self, d: Driver) -> None:
        await d.gateway.behave(receipts="never")
        refused = await d.queued(phone="+1234567")
        delivered, arrived_not = await d.queued(), await d.queued()
        await d.sender().send_batch()
        for one, status in ((delivered, "delivered"), (arrived_not, "failed")):
            message_id = (await d.message(one)).provider_message_id
            at = d.h.clock.wall().isoformat()
            await d.receipt({"message_id": message_id, "reference": str(one), "status": status, "at": at})
        await d.queued()
        answer = await d.h.client.get("/notifications/counts", headers=d.h.token(roles=["auditor"]))
        counted = {"queued": 4, "waiting": 1, "sent": 2, "delivered": 1, "failed": 2, "unknown": 0}
        assert answer.json() == counted
        who = (await d.message(refused)).participant_id
        body = {"participant_ids": [str(who), str(new_id())]}
        answer = await d.h.client.post("/notifications/counts", json=body, headers=d.h.token(roles=["operator"]))
        assert answer.json() == {"queued": 1, "waiting": 0, "sent": 0, "delivered": 0, "failed": 1, "unknown": 0}

    async def test_they_stay_within_the_scope(self, d: Driver) -> None:
        who = (await d.message(await d.queued())).participant_id
        body = {"participant_ids": [str(who)]}
        for role in ("coordinator", "officer", "checker"):
            for claims, queued in ((own(role, who), 1), (foreign(role), 0)):
                token = d.h.token(roles=[role], **claims)
                everything = await d.h.client.get("/notifications/counts", headers=token)
                of_one = await d.h.client.post("/notifications/counts", json=body, headers=token)
                assert (everything.json()["queued"], of_one.json()["queued"]) == (queued, queued), role

    async def test_they_are_not_for_single_persons(self, d: Driver) -> None:
        for role in ("agent", "participant"):
            assert (await d.h.client.get("/notifications/counts", headers=d.h.token(roles=[role]))).status_code == 403

    async def test_of_nobody_are_zero(self, d: Driver) -> None:
        await d.queued()
        headers = d.h.token(roles=["operator"])
        answer = await d.h.client.post("/notifications/counts", json={"participant_ids": []}, headers=headers)
        assert set(answer.json().values()) == {0}
