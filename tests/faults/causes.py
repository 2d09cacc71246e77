"""What has to happen beside people who register and pay at the bank, for a point to be reached: a file, a month's end, a QR code, a bill
for many that is paid or taken back, an agent who leaves, a payout to the Wadah, people who are erased.

Whoever asks does so again until he has an answer: the process that he asks may be the one that dies.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from deploy.local.outreach import history, settling
from tests.faults.ground import Ground
from tests.faults.insisting import WITHIN_S, insist
from tests.support.eventually import eventually

DAYS = 32
"""Enough for bills to expire and months to end."""
SLEEPERS = 10
SLEEPERS_PER_S = 20
"""Before a fault, and nobody pays: there is room for more than the load has."""
HEADS = 210
"""Of a collective bill that is taken back: more than one batch of shares, so that somebody has to go on where another stopped."""
THEIRS = 8
"""People of an agent who leaves."""
EARNERS = 20
"""Who register before a month ends; most of them pay, so that their agents earn something in it."""
GONE = 5
"""People who are erased."""
CODES = 3
"""QR codes asked for."""
ORDERED_WITHIN_S = 150.0
"""From a leap over the 3rd and the 4th to the order: four timers, one after the other, each looking every 5 s, and one of them may die on the way."""


async def with_sleepers(ground: Ground, number: int) -> None:
    """Some are billed and never come to the bank: what a month's end finds to do, and others may pay for."""
    await ground.driver.register(number, per_s=SLEEPERS_PER_S, paying=0)
    await _owing(ground, number)


async def settle_the_day(ground: Ground) -> None:
    """The central office uploads what the bank's books hold as done of this business day."""
    doors = ground.estate.town.doors
    day = str((await doors.outside("bank", "GET", "/clock"))["now"])[:10]
    content = ""

    async def something_is_done() -> bool:
        nonlocal content
        content = await doors.text("bank", f"/settlement/{day}")
        return content.count("\nD,") > 0

    await eventually(something_is_done, within_s=30, what="a payment of this day at the bank")
    await insist("the day's file was taken", lambda: settling.upload(doors, date.fromisoformat(day), content))


async def codes(ground: Ground) -> list[str]:
    """Some who owe ask for a QR code; the bills that have one or will."""
    town = ground.estate.town
    bills = [str(row["bill_id"]) for row in await _owing(ground, CODES)][:CODES]
    for bill in bills:

        async def ask(path: str = f"/bills/{bill}/qr", key: str = f"qr:{bill}") -> Any:
            return await town.doors.post("payments", path, town.cast.officer, key=key)

        await insist("a QR code was asked for", ask)
    return bills


async def scanned(ground: Ground, bills: list[str]) -> None:
    """A wallet pays each of these codes."""
    town = ground.estate.town

    async def made() -> bool:
        found = await town.rows("payments", "SELECT 1 FROM qr_codes WHERE state = 'LIVE' AND bill_id = ANY($1)", bills)
        return len(found) == len(bills)

    await eventually(made, within_s=WITHIN_S, what="the QR codes were made")
    rows = await town.rows("payments", "SELECT participant_id, content FROM qr_codes WHERE bill_id = ANY($1)", bills)
    for row in rows:
        ground.driver.paid_for.add(str(row["participant_id"]))
        await town.doors.outside("acquirer", "POST", "/pay", {"content": row["content"]})


async def bill_for_many(ground: Ground, *, paid: bool, heads: int = SLEEPERS) -> tuple[str, set[str]]:
    """The branch issues a collective bill over some who owe; with `paid` its code is paid at the bank. Gives the bill and who is on it."""
    town = ground.estate.town
    people = [str(row["participant_id"]) for row in await _owing(ground, heads)][:heads]
    wanted = {"participants": people, "funding_source": "DONOR"}
    key = f"many:{ground.chance.getrandbits(64):x}"
    issued: dict[str, Any] = {}

    async def issue() -> None:
        issued.update(await town.doors.post("payments", "/collective-bills", town.cast.officer, wanted, key=key))

    await insist("a collective bill was issued", issue)
    if paid:
        ground.driver.paid_for |= {*people}
        await town.doors.outside("bank", "POST", "/pay", {"customer_no": issued["code"]})
    return str(issued["bill_id"]), {*people}


async def taken_back(ground: Ground) -> None:
    """A collective bill is paid and its shares are posted; then the bank finds that it never had the money, and two people take it back."""
    town = ground.estate.town
    bill, people = await bill_for_many(ground, paid=True, heads=HEADS)
    found: list[Any] = []

    async def posted() -> bool:
        query = (
            "SELECT payment_id, channel_reference FROM collective_bills WHERE bill_id = $1 AND shares_posted = heads"
        )
        found[:] = await town.rows("payments", query, bill)
        return bool(found)

    await eventually(posted, within_s=WITHIN_S, what="the shares were posted")
    ground.driver.paid_for -= people
    payment, reference = str(found[0]["payment_id"]), found[0]["channel_reference"]
    await insist(
        "the bank took it back", lambda: town.doors.outside("bank", "POST", f"/payments/{reference}/take-back")
    )
    wanted = {"action": "VOID", "payment_id": payment, "reason": "missing_at_bank", "evidence": "surat 17/2025"}
    proposed: dict[str, Any] = {}

    async def propose() -> None:
        proposed.update(await town.doors.post("payments", "/proposals", town.cast.officer, wanted, key=f"void:{bill}"))

    async def approve() -> None:
        path = f"/proposals/{proposed['proposal_id']}/approval"
        await town.doors.post("payments", path, town.cast.head, key=f"voided:{bill}")

    await insist("it was proposed to take it back", propose)
    await insist("it was approved", approve)


async def earned(ground: Ground) -> None:
    """People of the agents pay in the month that is about to end: without that its statement pays out nothing, and nothing is ordered."""
    async with ground.load(EARNERS, per_s=SLEEPERS):
        pass
    await ground.drain()


async def paid_out(ground: Ground) -> None:
    """The Wadah's payouts are ordered after their 4th, and an officer confirms each with the bank's evidence; the checker is told which."""
    town = ground.estate.town
    now = (await town.doors.get("payments", "/ops/status", history.OPERATOR))["business_time"]
    today = datetime.fromisoformat(now).astimezone(history.WIB).date()
    month = f"{today.replace(day=1) - timedelta(days=1):%Y-%m}"
    orders: list[Any] = []

    async def ordered() -> bool:
        orders[:] = await town.rows("payments", _ORDERED, [])
        return any(str(order["reference"]).endswith(month) for order in orders)

    await eventually(ordered, within_s=ORDERED_WITHIN_S, what=f"the payout of {month} to the Wadah was ordered")
    evidence = {"partner": "demo-bank", "paid_on": str(today), "evidence": "mutasi 5/1"}
    for order in orders:

        async def confirm(path: str = f"/transfer-orders/{order['order_id']}/confirmation") -> Any:
            return await town.doors.post("payments", path, town.cast.officer, evidence, key=path)

        await insist("a payout was confirmed", confirm)
    ground.remember({"paid_out": [str(order["reference"]) for order in orders]})


_ORDERED = (
    "SELECT order_id, reference FROM transfer_orders"
    " WHERE purpose = 'INCENTIVE' AND status = 'ORDERED' AND $1::text[] IS NOT NULL ORDER BY reference"
)


async def departure(ground: Ground) -> None:
    """An agent who was hired for it leaves, and his people pass to the branch; half of them pay."""
    town, doors = ground.estate.town, ground.estate.town.doors
    cast, number = town.cast, 1_000 + ground.chance.getrandbits(24)
    agent = await history.hire(doors, number, _known(ground), cast.officer, cast.head, cast.coordinator)
    for n in range(THEIRS):
        form = _known(ground)
        made = await doors.post("registration", "/participants", agent, form, key=f"his:{number}:{n}")
        ground.driver.people[made["participant_id"]] = made["contribution_code"]
        if n % 2:
            ground.driver.unpaid[made["participant_id"]] = made["contribution_code"]
        else:
            ground.driver.sleepers.add(made["participant_id"])
    path, why = f"/agents/{agent.scope['agent_id']}/departure", {"kind": "DROP", "reason": "own_request"}

    async def propose() -> Any:
        return await doors.post("registration", path, cast.officer, why, key=f"leaves:{number}")

    async def approve() -> Any:
        return await doors.post("registration", f"{path}/approval", cast.head, key=f"left:{number}")

    await insist("a departure was proposed", propose)
    await insist("it was approved", approve)


async def erased(ground: Ground, number: int = GONE) -> list[str]:
    """The central office asks that some be erased who never paid and whose registration has expired; who they are."""
    people: list[str] = []

    async def expired() -> bool:
        people[:] = (await unpaid_and_expired(ground))[:number]
        return len(people) == number

    await eventually(expired, within_s=WITHIN_S, what=f"{number} people whose registration has expired")
    for who in people:
        await ask_to_erase(ground, who)
    return people


async def unpaid_and_expired(ground: Ground) -> list[str]:
    """Who never came to the bank, owes nothing any more and was not erased: registration and payments have nothing against it."""
    town, driver = ground.estate.town, ground.driver
    query = (
        "SELECT participant_id FROM participants WHERE participant_id = ANY($1::uuid[]) AND standing = 'EXPIRED'"
        " AND NOT forgotten AND NOT EXISTS (SELECT 1 FROM erasures e WHERE e.participant_id = participants.participant_id)"
        " ORDER BY 1"
    )
    expired = await town.rows("registration", query, [*(driver.sleepers - driver.paid_for)])
    owing = "SELECT participant_id FROM bills WHERE status = 'OPEN' AND participant_id = ANY($1::uuid[])"
    ids = [str(row["participant_id"]) for row in expired]
    still = {str(row["participant_id"]) for row in await town.rows("payments", owing, ids)}
    return [who for who in ids if who not in still]


async def ask_to_erase(ground: Ground, who: str) -> None:
    """As the central office does, until there is an answer."""
    path, doors = f"/participants/{who}/erasure", ground.estate.town.doors

    async def ask() -> Any:
        return await doors.post("registration", path, history.CENTRAL, {"ground": "requested"}, key=path)

    await insist("an erasure was asked for", ask)


def _known(ground: Ground) -> dict[str, Any]:
    """The form of somebody new, whom the checker looks for in clear as for all others."""
    form = ground.estate.town.form()
    ground.driver.journal.person(-1, form)
    return form


async def _owing(ground: Ground, number: int) -> list[Any]:
    """Open bills of people who never come to the bank by themselves, at least so many."""
    found: list[Any] = []

    async def enough() -> bool:
        found[:] = await ground.estate.town.rows(
            "payments",
            "SELECT bill_id, participant_id FROM bills WHERE status = 'OPEN' AND participant_id = ANY($1::uuid[])"
            " ORDER BY bill_id DESC",
            [*(ground.driver.sleepers - ground.driver.paid_for)],
        )
        return len(found) >= number

    await eventually(enough, within_s=WITHIN_S, what=f"{number} people who owe")
    return found
