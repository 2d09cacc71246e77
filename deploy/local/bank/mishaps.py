"""What goes wrong on a bad day, how often, and what a customer's visit looks like then. Drawn from a seed: the same numbers give the same day."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from deploy.local.bank.behaviour import Behaviour

OF = 1_000
"""Shares are of a thousand visits."""
HOUR_S = 3_600


@dataclass(frozen=True)
class Mishap:
    """`again`: the money is taken a second time, or the payment told once more with other words, after it was made."""

    name: str
    share: int
    behave: Callable[[Random], Behaviour]
    again: str = ""


@dataclass(frozen=True)
class Visit:
    customer_no: str
    mishap: Mishap
    behaviour: Behaviour


def _is(**fields: object) -> Callable[[Random], Behaviour]:
    return lambda _: Behaviour.model_validate(fields)


MISHAPS: tuple[Mishap, ...] = (
    Mishap("answer_lost", 80, _is(drop_answers=1)),
    Mishap("answers_lost_until_status", 20, _is(drop_answers=4)),
    Mishap("doubled_after", 40, _is(double="after")),
    Mishap("doubled_at_once", 40, _is(double="at_once")),
    Mishap("doubled_same_external_id", 20, _is(double="after", repeat_external_id=True)),
    Mishap("out_of_order", 60, lambda chance: Behaviour(hold_s=chance.uniform(0.05, 0.8))),
    Mishap("late", 40, lambda chance: Behaviour(earlier_s=chance.randrange(60, HOUR_S))),
    Mishap("wrong_amount", 30, lambda chance: Behaviour(amount_off=chance.choice([-1_000, -1, 1, 5_000]))),
    Mishap("wrong_signature", 10, _is(corrupt_signature=True)),
    Mishap("stale_timestamp", 10, _is(stale_s=900)),
    Mishap("never_told", 30, _is(never_call=True)),
    Mishap(
        "never_told_wrong_amount", 10, lambda chance: Behaviour(never_call=True, amount_off=chance.choice([-500, 700]))
    ),
    Mishap("taken_twice", 20, _is(), again="taken"),
    Mishap("told_other_amount", 10, _is(), again="other_amount"),
    Mishap("told_other_account", 10, _is(), again="other_account"),
)
GOOD = Mishap("good", OF - sum(one.share for one in MISHAPS), _is())


def plan(customer_nos: Sequence[str], seed: int) -> list[Visit]:
    """One visit per customer, in an order of its own; every mishap happens at least once where there are customers enough for all."""
    chance = Random(seed)
    kinds = (GOOD, *MISHAPS)
    drawn = chance.choices(kinds, weights=[one.share for one in kinds], k=len(customer_nos))
    if len(customer_nos) >= len(kinds):
        drawn[: len(kinds)] = kinds
    visits = [Visit(number, kind, kind.behave(chance)) for number, kind in zip(customer_nos, drawn, strict=True)]
    chance.shuffle(visits)
    return visits
