"""B4: signed SNAP payments answered "success" per second, against a POST on the same kind of server that does nothing.

A success comes after the commit of receipt, transfers and events. What the generator was told "success" is the bank's book;
it must agree with receipts and postings, call by call and in sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import cycle
from typing import Any

from deploy.local.outreach.history import OPERATOR
from tests.bench import snap, wire
from tests.bench.bare_server import PATH, bare_server
from tests.bench.generator import Load, closed_loop, in_thread
from tests.bench.ground import Ground
from tests.bench.people import PRICE
from tests.bench.report import Findings
from tests.bench.rounds import Limit, NoResult, Result, Side, Spec, ratio
from tests.bench.snap import Bank, Call

CONNECTIONS = 64
PROBE_S = 2.0
PROBED = 3_000
SPARE = 1.3
"""Rendered for a round: so many times what the probe's rate would use up."""
ROWS_PER_PAYMENT = 8
"""Receipt, three transfers, bill, payer, event, external id."""
BANKS_LIMIT_MS = 10_000
API = "payments-api"

SPEC = Spec(
    "B4",
    "payment",
    "",
    passes=0.25,
    world_class=0.5,
    limits=[Limit("p99_ms", BANKS_LIMIT_MS, BANKS_LIMIT_MS / 10)],
)


async def run(ground: Ground, findings: Findings) -> Sequence[Result]:
    spec = replace(SPEC, broker=ground.broker)
    spec = spec.quick() if ground.quick else spec
    callback = Callback(ground, await bank_of(ground))
    async with ground.only(API):
        await callback.probe()
    await have(ground, callback.wanted * (spec.rounds + spec.more))
    async with bare_server({*ground.stack.ports.values()}) as bare, ground.only(API):

        async def denominator(_: int) -> Side:
            return await nothing(ground, bare)

        result = await ratio(
            spec,
            callback.numerator,
            denominator,
            prepare=ground.prepare,
            tell=ground.tell,
        )
    findings.payload_bytes["P2"] = round(callback.bank.mean_bytes, 1)
    return [result]


async def bank_of(ground: Ground) -> Bank:
    """The partner bank in the month that payments lives in."""
    status = await ground.town.doors.get("payments", "/ops/status", OPERATOR)
    return Bank(ground.stack, ground.estate.url(API), datetime.fromisoformat(status["business_time"]))


@dataclass
class Callback:
    """The numerator; payers it has used are gone from the ground."""

    ground: Ground
    bank: Bank
    rate: float = 0.0

    async def probe(self) -> None:
        """How fast it is, roughly, so that a round renders neither too few nor far too many."""
        load, _ = await self._pay(PROBED, warmup_s=PROBE_S / 2, measured_s=PROBE_S)
        self.rate = max(load.per_s, 50.0)

    @property
    def wanted(self) -> int:
        """Payers rendered for one round."""
        return round(SPARE * self.rate * (self.ground.sizes.warmup_s + self.ground.sizes.measured_s)) + CONNECTIONS

    async def numerator(self, _: int) -> Side:
        sizes = self.ground.sizes
        inquiries = await self._inquiries()
        async with self.ground.measured(meters=[API]) as spent:
            load, calls = await self._pay(self.wanted, warmup_s=sizes.warmup_s, measured_s=sizes.measured_s)
        latency = load.latency()
        return Side(
            value=load.per_s,
            what="payments answered success/s",
            items=len(load.measured),
            warmup_s=sizes.warmup_s,
            measured_s=sizes.measured_s,
            checks=await wrong(self.ground, load, calls),
            latency=latency,
            limits={"p99_ms": latency.at(99)},
            alongside={
                **spent.alongside(len(load.answers), rows=ROWS_PER_PAYMENT * len(load.answers)),
                "statements_per_command": spent.meters.statements / len(load.answers),
                "batch_p50": spent.meters.batch_size(50, use_case="Pay"),
                "batch_p99": spent.meters.batch_size(99, use_case="Pay"),
                "inquiries_per_s": inquiries,
            },
        )

    async def _pay(self, wanted: int, *, warmup_s: float, measured_s: float) -> tuple[Load, list[Call]]:
        """Renders and sends; whoever was not reached stays for the next round. All that is rendered is signed just now."""
        ground = self.ground
        payers, ground.known[:] = ground.known[:wanted], ground.known[wanted:]
        await self.bank.log_in()
        calls = self.bank.payments(payers)
        load = await self._send(calls, warmup_s, measured_s)
        used = max(answer.number for answer in load.answers) + 1
        ground.known[:0] = payers[used:]
        return load, calls

    async def _inquiries(self) -> float:
        """Inquiries per second; they change nothing, so the same people are asked and then pay."""
        sizes = self.ground.sizes
        await self.bank.log_in()
        people = self.ground.known[: round(4 * self.rate * sizes.warmup_s) + CONNECTIONS]
        load = await self._send([self.bank.inquiry(who) for who in people], 0.0, sizes.warmup_s / 2)
        if refused := sum(snap.code(answer) != snap.QUOTED for answer in load.answers):
            raise NoResult(f"B4: {refused} of {len(load.answers)} inquiries were not answered with a bill")
        return load.per_s

    async def _send(self, calls: Sequence[Call], warmup_s: float, measured_s: float) -> Load:
        requests = [call.request for call in calls]
        urls = [self.ground.estate.url(API)]
        return await in_thread(
            lambda: closed_loop(urls, requests, connections=CONNECTIONS, warmup_s=warmup_s, measured_s=measured_s)
        )


async def have(ground: Ground, wanted: int) -> None:
    """At least so many people with an open bill."""
    if (missing := wanted - len(ground.known)) > 0:
        await ground.register(missing)


async def nothing(ground: Ground, url: str) -> Side:
    """The same bodies over the same number of connections to a route without work."""
    sizes, bank = ground.sizes, await bank_of(ground)
    bodies = [call.request.partition(b"\r\n\r\n")[2] for call in bank.payments(ground.known[:2_000])]
    requests = [wire.post(url, PATH, body, {"Content-Type": "application/json"}) for body in bodies]
    again = cycle(requests)
    load = await in_thread(
        lambda: closed_loop([url], again, connections=CONNECTIONS, warmup_s=sizes.warmup_s, measured_s=sizes.measured_s)
    )
    return Side(
        value=load.per_s,
        what="answers without work/s",
        items=len(load.measured),
        warmup_s=sizes.warmup_s,
        measured_s=sizes.measured_s,
        checks={"unexpected_status": load.unexpected(200)},
    )


async def wrong(ground: Ground, load: Load, calls: Sequence[Call]) -> dict[str, int]:
    """What must be 0. The bank's book: every call that was answered success, with its payer and sum."""
    book = {calls[a.number].reference: calls[a.number].who for a in load.answers if snap.code(a) == snap.PAID}
    receipts = await receipts_of(ground, [*book])
    postings = {row["payment_id"]: row["amount"] for row in await postings_of(ground, receipts)}
    return {
        "not_success": len(load.answers) - len(book),
        "without_receipt": len(book.keys() - {row["channel_reference"] for row in receipts}),
        "receipts_twice": len(receipts) - len({row["channel_reference"] for row in receipts}),
        "wrong_payer": sum(
            str(row["participant_id"]) != book[row["channel_reference"]].participant_id for row in receipts
        ),
        "wrong_sum": sum(row["amount"] != PRICE for row in receipts),
        "posting_differs": sum(postings.get(row["payment_id"]) != row["amount"] for row in receipts),
        "in_suspense": await ground.count("payments", "SELECT count(*) FROM suspense"),
    }


async def receipts_of(ground: Ground, references: Sequence[str]) -> list[Any]:
    return await ground.rows(
        "payments",
        "SELECT payment_id, channel_reference, participant_id, amount FROM payments"
        " WHERE partner = 'demo-bank' AND channel_reference = ANY($1::text[])",
        references,
    )


async def postings_of(ground: Ground, receipts: Sequence[Any]) -> list[Any]:
    """Per payment the sum that left the bank's clearing account for the contributions."""
    return await ground.rows(
        "payments",
        "SELECT payment_id, sum(amount)::bigint AS amount FROM transfers WHERE debit = 'clearing:demo-bank'"
        " AND payment_id = ANY($1::uuid[]) GROUP BY payment_id",
        [row["payment_id"] for row in receipts],
    )
