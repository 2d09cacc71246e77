"""The bank over HTTP, against a tiny biller: every outcome ends in the state that is true, and in no other."""

import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local.bank.app import compose
from deploy.local.bank.keys import own_key
from deploy.local.outside.environment import Environment
from tests.unit.deploy.fake_biller import CLIENT_KEY, PARTNER, SECRET, FakeBiller
from tests.unit.deploy.serving import eventually, party, served

ANI, BUDI = "8800000000000001", "8800000000000002"


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One key for all tests: making one takes up to a second."""
    folder = tmp_path_factory.mktemp("key")
    own_key(Environment({"DATA_DIR": str(folder)}))
    return folder / "bank-private.pem"


def variables(folder: Path, key_file: Path, biller_url: str, **more: str) -> dict[str, str]:
    return {
        "DATA_DIR": str(folder),
        "PRIVATE_KEY_FILE": str(key_file),
        "BILLER_URL": f"{biller_url}/snap/v1.0",
        "PARTNER_ID": PARTNER,
        "CLIENT_KEY": CLIENT_KEY,
        "CLIENT_SECRET": SECRET,
        "VA_PREFIX": "15973",
        "TIMEOUT_S": "30",
        "BACKOFF_S": "0.02",
        "BACKOFF_CAP_S": "0.05",
        "RESOLVE_CAP_S": "0.1",
        **more,
    }


@dataclass
class World:
    """A bank and its biller."""

    bank: httpx.AsyncClient
    biller: FakeBiller

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.bank.post(path, json=body)
        assert answer.status_code in (200, 202), answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.bank.get(path)).json()
        return found

    async def pay(self, customer_no: str = ANI, **behaviour: Any) -> dict[str, Any]:
        return await self.post("/pay", customer_no=customer_no, behaviour=behaviour)

    async def states(self) -> dict[str, int]:
        """Count of payments by state, without the empty ones."""
        states = (await self.get("/books"))["states"]
        return {state: total["count"] for state, total in states.items() if total["count"]}


OpenWorld = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture
def open_world(tmp_path: Path, key_file: Path) -> OpenWorld:
    @asynccontextmanager
    async def opened(biller: FakeBiller | None = None, **more: str) -> AsyncIterator[World]:
        biller = biller or FakeBiller({ANI: 36_800, BUDI: 16_800})
        async with served(biller.app()) as url, party(compose, variables(tmp_path, key_file, url, **more)) as bank:
            biller.public_key = (await bank.get("/public-key")).text
            try:
                yield World(bank, biller)
            finally:
                biller.closing.set()

    return opened


@pytest.fixture
async def world(open_world: OpenWorld) -> AsyncIterator[World]:
    async with open_world() as found:
        yield found


class TestGoodDay:
    async def test_pays_what_the_inquiry_says(self, world: World) -> None:
        paid = await world.pay()
        assert (paid["state"], paid["amount"], paid["code"]) == ("done", 36_800, "2002500")
        assert paid["answers"] == ["2002400", "2002500"]
        assert world.biller.posted == {paid["payment_request_id"]: 36_800}

    async def test_messages_are_as_the_standard_wants_them(self, world: World) -> None:
        await world.post("/clock", now="2025-10-15T09:00:00+07:00")
        paid = await world.pay()
        (inquiry,), (payment,) = world.biller.of("24"), world.biller.of("25")
        assert inquiry.body == {
            "partnerServiceId": "   15973",
            "customerNo": ANI,
            "virtualAccountNo": f"   15973{ANI}",
            "trxDateInit": inquiry.body["trxDateInit"],
            "channelCode": 6011,
            "inquiryRequestId": paid["payment_request_id"],
        }
        assert payment.body == {
            "partnerServiceId": "   15973",
            "customerNo": ANI,
            "virtualAccountNo": f"   15973{ANI}",
            "paymentRequestId": paid["payment_request_id"],
            "channelCode": 6011,
            "paidAmount": {"value": "36800.00", "currency": "IDR"},
            "totalAmount": {"value": "36800.00", "currency": "IDR"},
            "trxDateTime": paid["trx_date_time"],
            "referenceNo": "000000000001",
            "flagAdvise": "N",
        }
        assert re.fullmatch(r"2025-10-15T09:00:\d\d\+07:00", inquiry.body["trxDateInit"])
        assert re.fullmatch(r"2025-10-15T09:00:\d\d\+07:00", paid["trx_date_time"])
        for call in (inquiry, payment):
            assert re.fullmatch(r"\d{1,36}", call.headers["x-external-id"])
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+07:00", call.headers["x-timestamp"])
            assert b": " not in call.raw and call.headers["x-partner-id"] == PARTNER
        assert inquiry.headers["x-external-id"] != payment.headers["x-external-id"]

    async def test_asymmetric_mode_signs_with_the_key_and_needs_no_token(self, open_world: OpenWorld) -> None:
        async with open_world(SIGNATURE_MODE="ASYMMETRIC") as world:
            assert (await world.pay())["state"] == "done"
            assert world.biller.tokens == []
            assert "authorization" not in world.biller.of("25")[0].headers

    async def test_inquire_shows_name_and_amount(self, world: World) -> None:
        found = await world.post("/inquire", virtual_account=f"15973{ANI}")
        assert (found["payable"], found["amount"], found["name"]) == (True, 36_800, "Siti Aminah")
        assert await world.states() == {}

    async def test_fifty_bills_take_well_under_five_seconds_of_the_processor(self, open_world: OpenWorld) -> None:
        """Bank, biller and caller together; of the clock it is as much where nobody else is at work."""
        numbers = [f"77{n:014d}" for n in range(50)]
        async with open_world(FakeBiller(dict.fromkeys(numbers, 36_800))) as world:
            began = time.process_time()
            found = await world.post("/pay-many", customer_nos=numbers, concurrency=8, wait=True)
            assert time.process_time() - began < 5
            assert (found["asked"], found["finished"], found["running"]) == (50, 50, False)
            assert found["states"]["done"] == {"count": 50, "rupiah": 1_840_000}
            assert found["codes"] == {"2002500": 50}
            assert found["seconds"] > 0
            assert len(world.biller.tokens) == 1
            totals = await world.get("/books")
            assert totals["states"]["done"] == {"count": 50, "rupiah": 1_840_000}

    async def test_a_round_shows_its_progress_and_ends(self, world: World) -> None:
        begun = await world.post("/pay-many", customer_nos=[ANI, BUDI, "nobody"])
        assert begun["asked"] == 3

        async def ended() -> bool:
            return not (await world.get(f"/pay-many/{begun['round_id']}"))["running"]

        await eventually(ended)
        found = await world.get(f"/pay-many/{begun['round_id']}")
        assert found["states"]["done"] == {"count": 2, "rupiah": 53_600}
        assert found["states"]["refused"] == {"count": 1, "rupiah": 0}
        assert found["codes"] == {"2002500": 2, "4042412": 1}


class TestToken:
    async def test_is_kept_while_it_is_fresh(self, world: World) -> None:
        await world.pay(ANI)
        await world.pay(BUDI)
        assert len(world.biller.tokens) == 1

    async def test_is_renewed_before_it_dies(self, open_world: OpenWorld) -> None:
        biller = FakeBiller({ANI: 36_800}, life_s=0)
        async with open_world(biller) as world:
            await world.pay()
            assert len(biller.tokens) == 2

    async def test_one_the_biller_forgot_is_replaced_in_mid_payment(self, world: World) -> None:
        await world.post("/inquire", customer_no=ANI)
        world.biller.tokens[0] = "forgotten"
        paid = await world.pay()
        assert (paid["state"], paid["answers"]) == ("done", ["2002400", "2002500"])

    async def test_refused_token_refuses_the_order_and_takes_no_money(self, world: World) -> None:
        world.biller.script["73"].extend(["4017300"])
        found = await world.pay()
        assert (found["state"], found["refused_at"], found["code"]) == ("refused", "inquiry", "4017300")


class TestRefusals:
    async def test_unknown_number_is_refused_at_the_inquiry(self, world: World) -> None:
        found = await world.pay("1234")
        assert (found["state"], found["refused_at"], found["amount"]) == ("refused", "inquiry", 0)
        assert found["code"] == "4042412"
        assert world.biller.of("25") == []

    async def test_wrong_amount_is_refused_and_stays_so(self, world: World) -> None:
        found = await world.pay(amount_off=-1_000)
        assert (found["state"], found["refused_at"], found["code"]) == ("refused", "payment", "4042513")
        assert world.biller.of("25")[0].body["paidAmount"]["value"] == "35800.00"
        await world.post(f"/payments/{found['payment_request_id']}/status")
        assert await world.states() == {"refused": 1}
        assert (await world.get("/books"))["refused_at"] == {"inquiry": 0, "payment": 1}

    async def test_refusal_by_flag_inside_a_success_code_is_a_refusal(self, world: World) -> None:
        world.biller.bills.clear()
        found = await world.post("/pay", customer_no=ANI, amount=36_800, behaviour={"skip_inquiry": True})
        assert (found["state"], found["code"]) == ("refused", "4042514")

    async def test_corrupted_signature_is_refused_without_a_second_try(self, world: World) -> None:
        found = await world.pay(corrupt_signature=True)
        assert (found["state"], found["answers"]) == ("refused", ["2002400", "4012500"])
        assert world.biller.posted == {}

    async def test_stale_timestamp_is_refused(self, world: World) -> None:
        found = await world.pay(stale_s=3_600)
        assert (found["state"], found["code"]) == ("refused", "4012500")

    async def test_too_many_requests_are_tried_again_and_then_refused(self, world: World) -> None:
        world.biller.script["25"].extend(["4292500"] * 4)
        found = await world.pay()
        assert (found["state"], found["answers"]) == ("refused", ["2002400"] + ["4292500"] * 4)
        assert {call.body["flagAdvise"] for call in world.biller.of("25")} == {"N"}


class TestNoAnswer:
    async def test_lost_answer_is_advised_and_posts_once(self, world: World) -> None:
        paid = await world.pay(drop_answers=1)
        assert (paid["state"], paid["answers"]) == ("done", ["2002400", "none", "2002500"])
        first, advice = world.biller.of("25")
        assert (first.body["flagAdvise"], advice.body["flagAdvise"]) == ("N", "Y")
        assert {**first.body, "flagAdvise": ""} == {**advice.body, "flagAdvise": ""}
        assert first.headers["x-external-id"] != advice.headers["x-external-id"]
        assert len(world.biller.posted) == 1

    @pytest.mark.parametrize("wrong", ["hang", "lose", "5002500", "5042500", "html", "garbage"])
    async def test_doubtful_answer_is_advised(self, open_world: OpenWorld, wrong: str) -> None:
        async with open_world(TIMEOUT_S="0.5" if wrong in ("hang", "lose") else "30") as world:
            world.biller.script["25"].append(wrong)
            paid = await world.pay()
            assert paid["state"] == "done"
            first, *more = [call.body["flagAdvise"] for call in world.biller.of("25")]
            assert (first, {*more}) == ("N", {"Y"})  # more than one advice only where a busy machine answers late
            assert world.biller.posted == {paid["payment_request_id"]: 36_800}

    async def test_unknown_outcome_is_resolved_by_status(self, world: World) -> None:
        paid = await world.pay(drop_answers=4)
        assert (paid["state"], paid["answers"]) == ("unknown", ["2002400", "none", "none", "none", "none"])
        assert await settled(world, paid) == ("done", "2002600")
        assert len(world.biller.of("25")) == 4

    async def test_what_the_biller_never_got_is_advised_by_the_resolver(self, world: World) -> None:
        world.biller.script["25"].extend(["5002500"] * 4)
        paid = await world.pay()
        assert (paid["state"], world.biller.posted) == ("unknown", {})
        assert await settled(world, paid) == ("done", "2002500")
        assert world.biller.of("25")[-1].body["flagAdvise"] == "Y"

    async def test_refused_advice_settles_doubt_as_refused(self, world: World) -> None:
        world.biller.script["25"].extend(["5002500"] * 4)
        paid = await world.pay()
        world.biller.bills.clear()
        assert await settled(world, paid) == ("refused", "4042514")

    async def test_refused_call_does_not_settle_doubt(self, open_world: OpenWorld) -> None:
        async with open_world(RESOLVE_TRIES="2") as world:
            world.biller.script["25"].extend(["5002500", "4012500", "4092500", "4002500"])
            world.biller.script["26"].extend(["4012600"] * 2)
            paid = await world.pay()
            assert paid["state"] == "unknown"

            async def given_up() -> bool:
                return bool((await world.get("/books"))["given_up"] == 1)

            await eventually(given_up)
            assert await world.states() == {"unknown": 1}
            await world.post("/resolve")
            assert await settled(world, paid) == ("done", "2002500")

    async def test_biller_that_is_down_at_the_inquiry_takes_no_money(self, world: World) -> None:
        world.biller.script["24"].extend(["5002400"] * 4)
        found = await world.pay()
        assert (found["state"], found["refused_at"], found["answers"]) == ("refused", "inquiry", ["5002400"] * 4)

    async def test_quote_of_another_inquiry_takes_no_money(self, world: World) -> None:
        world.biller.script["24"].append("mixed_up")
        found = await world.pay()
        assert (found["state"], found["refused_at"]) == ("refused", "inquiry")
        assert world.biller.of("25") == []

    async def test_inquiry_is_repeated_after_a_failure(self, world: World) -> None:
        world.biller.script["24"].append("5002400")
        assert (await world.pay())["answers"] == ["5002400", "2002400", "2002500"]

    async def test_payment_in_hand_when_the_process_ended_is_settled_by_the_next(self, open_world: OpenWorld) -> None:
        biller = FakeBiller({ANI: 36_800})
        async with open_world(biller) as world:
            biller.script["25"].append("hang")
            await world.post("/pay", customer_no=ANI, wait=False)

            async def sent() -> bool:
                return len(biller.of("25")) == 1

            await eventually(sent)
            assert await world.states() == {"pending": 1}
        async with open_world(biller) as world:

            async def done() -> bool:
                return await world.states() == {"done": 1}

            await eventually(done)
            assert biller.posted == {biller.of("25")[0].body["paymentRequestId"]: 36_800}


class TestMisbehaviour:
    async def test_double_one_after_another_posts_once(self, world: World) -> None:
        paid = await world.pay(double="after")
        assert (paid["state"], paid["answers"]) == ("done", ["2002400", "2002500", "4042518"])
        first, second = world.biller.of("25")
        assert first.raw == second.raw
        assert first.headers["x-external-id"] != second.headers["x-external-id"]

    async def test_double_at_once_overlaps_and_posts_once(self, world: World) -> None:
        world.biller.answer_s = 0.1
        paid = await world.pay(double="at_once")
        assert (paid["state"], sorted(paid["answers"][1:])) == ("done", ["2002500", "4042518"])
        assert len(world.biller.posted) == 1

    async def test_repeated_external_id_is_refused_and_tried_with_a_new_one(self, world: World) -> None:
        paid = await world.pay(repeat_external_id=True)
        assert (paid["state"], paid["answers"]) == ("done", ["2002400", "4092500", "2002500"])
        (inquiry,), (first, second) = world.biller.of("24"), world.biller.of("25")
        assert inquiry.headers["x-external-id"] == first.headers["x-external-id"] != second.headers["x-external-id"]

    async def test_repeated_external_id_of_a_copy_changes_nothing(self, world: World) -> None:
        paid = await world.pay(double="after", repeat_external_id=True)
        assert (paid["state"], paid["answers"]) == ("done", ["2002400", "2002500", "4092500"])
        assert len({call.headers["x-external-id"] for call in world.biller.of("25")}) == 1

    async def test_held_payment_keeps_the_time_the_money_was_taken(self, world: World) -> None:
        began = (await world.post("/clock", now="2025-10-31T23:59:00+07:00"))["now"]
        paid = await world.pay(hold_s=1.2)
        assert paid["state"] == "done"
        taken, now = (
            datetime.fromisoformat(told) for told in (paid["trx_date_time"], (await world.get("/clock"))["now"])
        )
        assert datetime.fromisoformat(began) <= taken <= now - timedelta(seconds=1)

    async def test_earlier_time_is_sent_as_asked(self, world: World) -> None:
        await world.post("/clock", now="2025-11-01T00:30:00+07:00")
        paid = await world.pay(earlier_s=3_600)
        assert paid["trx_date_time"].startswith("2025-10-31T23:30:")

    async def test_never_call_leaves_the_biller_in_the_dark(self, world: World) -> None:
        found = await world.post("/pay", customer_no=ANI, amount=36_800, behaviour={"never_call": True})
        assert (found["state"], found["told"]) == ("done", False)
        assert world.biller.calls == []
        assert (await world.get("/books"))["never_called"] == 1

    async def test_mode_holds_for_as_many_payments_as_asked(self, world: World) -> None:
        await world.post("/behaviour", double="after", payments=1)
        first = await world.post("/pay", customer_no=ANI)
        second = await world.post("/pay", customer_no=BUDI)
        assert (len(first["answers"]), len(second["answers"])) == (3, 2)
        assert (await world.get("/behaviour"))["double"] == "no"

    async def test_repeat_with_changes_shows_the_answer_and_leaves_the_books(self, world: World) -> None:
        paid = await world.pay()
        path = f"/payments/{paid['payment_request_id']}/repeat"
        assert (await world.post(path))["code"] == "4042518"
        assert (await world.post(path, advise=True))["code"] == "2002500"
        assert (await world.post(path, same_external_id=True))["code"] == "4092500"
        assert (await world.post(path, amount=1, customer_no=BUDI))["code"] == "4042518"
        last = world.biller.of("25")[-1].body
        assert (last["paidAmount"]["value"], last["virtualAccountNo"]) == ("1.00", f"   15973{BUDI}")
        assert await world.get(f"/payments/{paid['payment_request_id']}") == paid

    async def test_status_of_a_done_payment_is_asked_and_shown(self, world: World) -> None:
        paid = await world.pay()
        found = await world.post(f"/payments/{paid['payment_request_id']}/status")
        assert (found["code"], found["virtual_account_data"]["paymentFlagStatus"]) == ("2002600", "00")
        assert found["payment"] == paid


class TestBackOffice:
    async def test_what_is_taken_back_by_hand_stands_in_no_file_and_only_what_was_done_is(self, world: World) -> None:
        await world.post("/clock", now="2025-10-15T09:00:00+07:00")
        done = await world.pay()
        world.biller.script["25"].append("4042514")
        refused = await world.pay(BUDI)
        answer = await world.bank.post(f"/payments/{refused['payment_request_id']}/take-back")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_done")
        path = f"/payments/{done['payment_request_id']}/take-back"
        assert [(await world.post(path))["state"] for _ in range(2)] == ["taken_back"] * 2
        assert await world.states() == {"taken_back": 1, "refused": 1}
        assert "\nD," not in (await world.bank.get("/settlement/2025-10-15")).text

    async def test_settlement_file_lists_what_was_done_that_day(self, world: World) -> None:
        await world.post("/clock", now="2025-10-15T09:00:00+07:00")
        paid = await world.pay(ANI)
        unseen = await world.post("/pay", customer_no=BUDI, amount=16_800, behaviour={"never_call": True})
        await world.pay("nobody")
        await world.post("/clock", now="2025-10-16T09:00:00+07:00")
        await world.post("/pay", customer_no="later", amount=5, behaviour={"never_call": True})
        text = (await world.bank.get("/settlement/2025-10-15")).text
        lines = [
            f"D,{PARTNER},2025-10-15,15973{found['customer_no']},{found['payment_request_id']},"
            f"{found['reference_no']},{found['amount']}.00,0.00,{found['trx_date_time']}"
            for found in (paid, unseen)
        ]
        assert text.splitlines() == [f"H,{PARTNER},2025-10-15", *lines, "T,2,53600.00,0.00"]
        assert (await world.bank.get("/settlement/2025-10-15")).text == text

    async def test_an_empty_day_has_a_header_and_a_trailer(self, world: World) -> None:
        text = (await world.bank.get("/settlement/2025-10-15")).text
        assert text == f"H,{PARTNER},2025-10-15\nT,0,0.00,0.00\n"

    async def test_books_and_clock_survive_a_restart(self, open_world: OpenWorld) -> None:
        async with open_world() as world:
            await world.post("/clock", now="2025-10-15T09:00:00+07:00")
            paid = await world.pay()
        async with open_world() as world:
            assert (await world.get("/clock"))["now"].startswith("2025-10-15T09:00:")
            assert (await world.get(f"/payments/{paid['payment_request_id']}")) == paid
            assert (await world.pay(BUDI))["reference_no"] == "000000000002"

    async def test_the_time_told_at_the_start_wins_over_the_one_told_before(self, open_world: OpenWorld) -> None:
        async with open_world() as world:
            await world.post("/clock", now="2025-10-15T09:00:00+07:00")
        async with open_world(BUSINESS_TIME="2025-12-31T17:00:00Z") as world:
            assert (await world.get("/clock"))["now"].startswith("2026-01-01T00:00:")

    async def test_payments_are_listed_newest_first_and_filtered(self, world: World) -> None:
        await world.pay(ANI)
        await world.pay("nobody")
        listed = (await world.get("/payments"))["payments"]
        assert [payment["customer_no"] for payment in listed] == ["nobody", ANI]
        refused = (await world.get("/payments?state=refused"))["payments"]
        assert [payment["customer_no"] for payment in refused] == ["nobody"]

    @pytest.mark.parametrize(
        ("path", "body", "field"),
        [
            ("/pay", {}, "body"),
            ("/pay", {"customer_no": "1", "virtual_account": "159731"}, "body"),
            ("/pay", {"customer_no": "1", "amount": "36800"}, "amount"),
            ("/pay", {"customer_no": "1", "amount": 0}, "amount"),
            ("/pay", {"customer_no": "1", "behaviour": {"duble": "after"}}, "behaviour.duble"),
            ("/clock", {"now": "2025-10-15T09:00:00"}, "now"),
            ("/behaviour", {"payments": 0}, "payments"),
        ],
    )
    async def test_wrong_body_names_the_field(self, world: World, path: str, body: dict[str, Any], field: str) -> None:
        answer = await world.bank.post(path, json=body)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]

    async def test_number_of_another_prefix_is_refused_by_the_teller(self, world: World) -> None:
        answer = await world.bank.post("/pay", json={"virtual_account": "888801"})
        assert (answer.status_code, answer.json()["code"]) == (422, "foreign_number")

    async def test_unknown_payment_and_round_are_not_found(self, world: World) -> None:
        assert (await world.bank.get("/payments/none")).status_code == 404
        assert (await world.bank.get("/pay-many/none")).status_code == 404


async def settled(world: World, payment: dict[str, Any]) -> tuple[str, str]:
    """State and last answer once the resolver has settled the payment."""
    path = f"/payments/{payment['payment_request_id']}"

    async def known() -> bool:
        return bool((await world.get(path))["state"] in ("done", "refused"))

    await eventually(known)
    found = await world.get(path)
    return found["state"], found["code"]
