"""Prefixes of one partner are told apart; those of two partners may begin alike, for each bank gives its own and is heard under its own."""

from __future__ import annotations

from typing import Any

import pytest

from services.payments.domain.snap.codes import Service
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.office import TIMER, Office
from tests.integration.payments.people import register
from tests.support.service import Harness
from tests.support.settlement import MARKED, marked


@pytest.mark.parametrize("prefixes", [["81", "8100"], ["9", "8100", "81"], ["8100", "8100"]])
async def test_one_of_a_partner_that_begins_another_of_its_own_is_refused_by_its_field(
    h: Harness, bank: Bank, prefixes: list[str]
) -> None:
    other = Bank(h, "bank-o", "81", "client-o", partner_id="82001")
    wanted = [("/partners", other.terms(va_prefixes=prefixes))]
    wanted.append(("/partners/bank-a/terms", {"name": "A", "partner_ids": ["81001"], "va_prefixes": prefixes}))
    for path, body in wanted:
        answer = await h.client.post(path, json=body, headers=h.token(roles=["central"]))
        assert answer.status_code == 422, answer.text
        assert [(one["field"], one["code"]) for one in answer.json()["errors"]] == [("va_prefixes", "overlapping")]


async def test_prefixes_of_a_partner_of_which_none_begins_another_are_taken(h: Harness) -> None:
    await Bank(h, "bank-o", "81").enable(va_prefixes=["81", "8200", "9"])


class TestOnePartnersPrefixBeginsAnothers:
    """`bank-a` has 8100, `bank-o` has 81: nothing reads a number but under the prefix of who tells of it."""

    async def test_each_pays_under_its_own_and_knows_nothing_under_the_other(self, h: Harness, bank: Bank) -> None:
        other = await Bank(h, "bank-o", "81", "client-o", partner_id="82001").enable()
        who = await register(h)
        for one in (bank, other):
            assert code(await one.inquire(who.code)) == f"200{Service.INQUIRY}00"
        # what is 8100 and the code to one bank is 81 and another number to the other
        assert code(await other.inquire(f"00{who.code}")) == f"404{Service.INQUIRY}12"
        psid: dict[str, Any] = {"partnerServiceId": bank.prefix, "virtualAccountNo": bank.prefix + who.code}
        assert code(await other.inquire(who.code, **psid)) == f"404{Service.INQUIRY}12"
        psid = {"partnerServiceId": other.prefix, "virtualAccountNo": other.prefix + who.code}
        assert code(await bank.inquire(who.code, **psid)) == f"404{Service.INQUIRY}12"
        assert code(await other.buy(who.code)) == f"200{Service.PAYMENT}00"

    async def test_a_number_in_a_file_is_read_by_the_prefix_of_who_sent_it(self, h: Harness, office: Office) -> None:
        await Bank(h, "bank-o", "81", "client-o", partner_id="82001").enable()
        await office.agree(MARKED.model_copy(update={"partner_code": "82001"}), partner="bank-o")
        for prefix, partner, number in (("8100", "bank-a", "81001"), ("81", "bank-o", "82001")):
            who = await register(h)
            content = marked((f"LOST-{partner}", prefix + who.code, 36_800), partner=number)
            file_id = (await office.upload(content, partner=partner)).json()["file_id"]
            await h.due(TIMER)
            (line,) = await office.lines({"file_id": file_id})
            assert (line["outcome"], line["reason"]) == ("missing_here", None), (
                "its bill is paid, nothing went to suspense"
            )
            assert await office.balance(f"clearing:{partner}") == 36_800
