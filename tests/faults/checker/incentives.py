"""Statements of incentives against their own lines and against the payments, by the formulas of domain.md section 7 written here once more.

Only the national sets are known here: a statement under a set that two people enacted is held against its lines' sums, not against its rates.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tests.faults.checker.tally import Tally

WHERE = "payments.incentives"
BPS = 10_000
Month = tuple[str, str]
"""Agent or Wadah, and month."""


class Told(Protocol):
    @property
    def type(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...
    @property
    def rules(self) -> str: ...


@dataclass(frozen=True)
class National:
    """A set as the national rules have it; `carved`: the Wadah's part is taken out of the gross, not added."""

    threshold: int
    flat: int
    with_jht: int
    without: int
    carved: bool
    wadah_bps: int = 1_000

    def acquisition_pay(self, heads: Sequence[bool]) -> int:
        if len(heads) < self.threshold:
            return 0
        return self.flat + sum(self.with_jht if jht else self.without for jht in heads)


SETS = {
    "perisai-incentive-old/2017-11": National(50, 500_000, 0, 0, carved=True),
    "perisai-incentive-new/2022-04": National(25, 0, 15_000, 10_000, carved=False),
}


@dataclass
class Lines:
    """What one agent's statement of a run says for the month itself; `count` is that of all its lines, corrections too."""

    heads: list[bool] = field(default_factory=list)
    by_rate: Counter[int] = field(default_factory=Counter)
    count: int = 0


def check(log: Sequence[Told], tally: Tally) -> None:
    lines = _lines(log)
    received = _received(log)
    earned: defaultdict[Month, list[Told]] = defaultdict(list)
    issued: Counter[Month] = Counter()
    for event in log:
        data = event.data
        match event.type:
            case "IncentiveEarned":
                _against_payments(data, received, tally)
            case "IncentiveStatementIssued":
                issued[data["agent_id"], data["month"]] += 1
                earned[data["wadah_id"], data["month"]].append(event)
                _of_agent(event, lines[data["agent_id"], data["month"]], tally)
            case "WadahStatementIssued":
                issued[data["wadah_id"], data["month"]] += 1
                _of_wadah(event, earned[data["wadah_id"], data["month"]], tally)
    for (owner, month), number in issued.items():
        tally.see(number == 1, WHERE, f"{owner}:{month}", expected="one statement", actual=number)


def _lines(log: Iterable[Told]) -> defaultdict[Month, Lines]:
    found: defaultdict[Month, Lines] = defaultdict(Lines)
    for event in log:
        if event.type in ("IncentiveEarned", "IncentiveClawedBack"):
            data = event.data
            lines = found[data["agent_id"], data["run"]]
            lines.count += len(data["acquisitions"]) + len(data["contributions"])
            if event.type == "IncentiveEarned" and data["month"] == data["run"]:
                lines.heads += [line["with_jht"] for line in data["acquisitions"]]
                for line in data["contributions"]:
                    lines.by_rate[line["bps"]] += line["received"]
    return found


def _received(log: Iterable[Told]) -> Mapping[tuple[str, str], int]:
    """Payment and contribution month → rupiah received for it."""
    return {
        (event.data["payment_id"], charge["month"]): charge["jkk"] + charge["jkm"] + charge["jht"]
        for event in log
        if event.type == "ContributionPaid"
        for charge in event.data["months"]
    }


def _against_payments(data: Mapping[str, Any], received: Mapping[tuple[str, str], int], tally: Tally) -> None:
    for line in data["contributions"]:
        paid = received.get((line["payment_id"], line["month"]), 0)
        fine = 0 < line["received"] <= paid
        told = f"{line['received']} rupiah"
        tally.see(fine, WHERE, line["payment_id"], expected=f"at most {paid} rupiah of {line['month']}", actual=told)


def _of_agent(event: Told, lines: Lines, tally: Tally) -> None:
    data, earned = event.data, event.data["earned"]
    place = f"{data['agent_id']}:{data['month']}"
    sums = (len(lines.heads), lines.by_rate.total(), lines.count)
    told = (earned["acquisitions"], earned["received"], data["lines"])
    tally.see(sums == told, WHERE, place, expected=f"{sums} (heads, received, lines)", actual=told)
    if (rules := SETS.get(event.rules)) is not None:
        acquisition = rules.acquisition_pay(lines.heads)
        contribution = sum(base * bps // BPS for bps, base in lines.by_rate.items())
        gross = acquisition + contribution
        agent = gross * (BPS - rules.wadah_bps) // BPS if rules.carved else gross
        wanted = (acquisition, contribution, agent, gross - agent)
        found = tuple(earned[name] for name in ("acquisition_pay", "contribution_pay", "agent", "carved"))
        tally.see(wanted == found, WHERE, place, expected=f"{wanted} rupiah", actual=found)
    moved = sum(a["after"]["agent"] - a["before"]["agent"] for a in data["adjustments"])
    due = earned["agent"] + moved + data["carried_in"]
    found = (data["payable"], data["carried_out"])
    tally.see(found == (max(due, 0), min(due, 0)), WHERE, place, expected=f"{due} rupiah due", actual=found)


def _of_wadah(event: Told, agents: Sequence[Told], tally: Tally) -> None:
    """Its agents' pay, its share with one rounding, and what is paid out."""
    data, rules = event.data, SETS.get(event.rules)
    place = f"{data['wadah_id']}:{data['month']}"
    payable = sum(one.data["payable"] for one in agents)
    tally.see(
        data["agents_payable"] == payable, WHERE, place, expected=f"{payable} to agents", actual=data["agents_payable"]
    )
    if rules is not None:
        whole = sum(one.data["earned"]["agent"] for one in agents) * rules.wadah_bps // BPS
        share = sum(one.data["earned"]["carved"] for one in agents) if rules.carved else whole
        tally.see(data["share"] == share, WHERE, place, expected=f"a share of {share}", actual=data["share"])
    due = data["share"] + sum(a["after"] - a["before"] for a in data["adjustments"]) + data["carried_in"]
    gross = payable + max(due, 0)
    payout = gross - gross * data["tax_bps"] // BPS
    found = (data["gross"], data["payout"])
    tally.see(found == (gross, payout), WHERE, place, expected=f"{(gross, payout)} (gross, payout)", actual=found)
