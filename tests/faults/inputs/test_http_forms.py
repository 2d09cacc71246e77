"""Bad input at the HTTP door, judged by the rules: a form that breaks one is told which, under which dated rule set, and changes nothing.

The forms are full of invented people whose values are searched for in every answer.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import httpx
import pytest

from tests.faults.evidence import Evidence, Scale
from tests.faults.inputs.refusals import RULES, refused, unlike
from tests.faults.threats.canaries import canary
from tests.faults.trial import Trial, nothing_changes, unchanged
from tests.integration.registration.world import Headers, World, form, nik_of
from tests.support.service import Harness

pytestmark = pytest.mark.timeout(900)
TODAY: Final = date(2025, 10, 6)
SPENT: Final = {"number_blocks"}
"""Contribution codes are drawn before a form is judged; a gap between them means nothing."""
KEPT: Final = {"idempotency"}
"""A refusal by a rule is an answer, and is given again."""
ORDER: Final = ("nik", "birth_date", "income", "programmes", "consent", "phone")


def _person(**changes: Any) -> tuple[dict[str, Any], list[str]]:
    """A form of somebody never seen, and what must not come back."""
    filled = {**form(), **canary().values, "nik": nik_of(), **changes}
    filled = {name: value for name, value in filled.items() if value is not None}
    return filled, [filled[name] for name in ("nik", "name", "phone", "address", "email", "birth_place")]


def _nik(dice: random.Random, **parts: str) -> str:
    whole = {"province": "36", "district": f"71{dice.randrange(1, 14):02d}", "day": f"{dice.randrange(1, 29):02d}"}
    whole |= {"month": f"{dice.randrange(1, 13):02d}", "year": f"{dice.randrange(60, 99)}"}
    return "".join(({**whole, "serial": f"{dice.randrange(1, 10_000):04d}"} | parts).values())


def _bad_niks(dice: random.Random) -> Iterator[tuple[str, str]]:
    """(NIK, code), one for each way to get it wrong."""
    good, at = _nik(dice), dice.randrange(1, 15)
    yield good[: dice.randrange(5, 16)], "nik_format"
    yield good + str(dice.randrange(10)), "nik_format"
    yield good[:at] + dice.choice(["O", "l", " ", ".", "-", "٣", "３", "²"]) + good[at + 1 :], "nik_format"
    yield _nik(dice, province=dice.choice(["00", "10", "20", "30", "41", "77", "90", "99"])), "nik_province"
    yield _nik(dice, day=str(dice.choice(["00", *range(32, 41), *range(72, 100)]))), "nik_day"
    yield _nik(dice, month=str(dice.choice(["00", *range(13, 100)]))), "nik_month"
    yield _nik(dice, serial="0000"), "nik_serial"


async def _brought(world: World, filled: Mapping[str, Any], dice: random.Random) -> httpx.Response:
    """By an agent, at the branch, or by the person."""
    match dice.randrange(3):
        case 0:
            return await world.register(dict(filled), world.agent())
        case 1:
            return await world.register(dict(filled), world.officer())
    own = world.h.token(roles=["participant"], subject="person-1")
    return await world.register({**filled, "branch_id": str(world.branch_id)}, own)


@pytest.mark.cell("input.http.nik", fault="inputs", service="registration")
async def test_a_nik_that_is_none_is_refused_for_what_is_wrong_with_it(
    world: World, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    bad = [one for _ in range(scale(test=3, long=100)) for one in _bad_niks(dice)]
    async with nothing_changes(world.h, evidence, without=SPENT, grown=KEPT) as trial:
        for nik, code in bad:
            filled, secrets = _person(nik=nik)
            answer = await _brought(world, filled, dice)
            trial.take(refused("nik", answer, 422, code, fields={"nik"}, rules=RULES, secrets=secrets))


@pytest.mark.cell("input.http.nik", fault="inputs", service="registration")
async def test_a_nik_that_says_otherwise_than_the_form_is_taken_with_a_warning(
    world: World, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    """A woman's day is 41 to 71; a wrong date in a NIK is not corrected by law."""
    trial = Trial()
    for _ in range(scale(test=4, long=100)):
        born, says = (date(1970, 1, 1) + timedelta(days=dice.randrange(10_000)) for _ in range(2))
        sex, claimed = dice.choice("MF"), dice.choice("MF")
        filled, _ = _person(nik=nik_of(says, female=claimed == "F"), birth_date=born.isoformat(), sex=sex)
        expected = ["nik_birth_date_differs"] * (born != says) + ["nik_sex_differs"] * (sex != claimed)
        answer = await _brought(world, filled, dice)
        trial.take(unlike(("nik", (201, expected), (answer.status_code, answer.json().get("warnings")))))
    trial.ends(evidence)


def _broken_rules(dice: random.Random) -> Sequence[tuple[str, dict[str, Any], str]]:
    """(field, changes, code) of every rule about the person, each broken somehow."""
    days, digits = dice.randrange(1, 20_000), f"{dice.randrange(10**7):07d}"
    foreign = dice.choice(["+659", "+6012", "+447", "+1202", "+6141"])
    no_consent = dice.choice([None, {"given": False, "text_version": "2025-01"}])
    return (
        ("birth_date", {"birth_date": (TODAY + timedelta(days=days)).isoformat()}, "birth_date_future"),
        ("birth_date", {"birth_date": (date(1959, 10, 7) - timedelta(days=days)).isoformat()}, "entry_age_exceeded"),
        ("birth_date", {"birth_date": (date(2007, 10, 6) + timedelta(days=1 + days % 6_000)).isoformat()}, "entry_age_below"),
        ("phone", {"phone": f"{dice.choice(['021', '(021) ', '+6221'])}5{digits}"}, "phone_not_mobile"),
        ("phone", {"phone": f"{foreign}{digits}"}, "phone_foreign"),
        ("phone", {"phone": dice.choice(["12", "08", "0812x456789", "teleponku", "08" + "1" * 20])}, "phone_format"),
        ("income", {"income": -dice.randrange(10**6)}, "income_not_positive"),
        ("programmes", {"programmes": dice.choice([[], ["JKK"], ["JKM", "JHT"], ["JKK", "JKM", "JKM"]])}, "programmes_bundle"),
        ("programmes", {"programmes": ["JKK", "JKM"], "employs_others": True}, "jht_compulsory"),
        ("consent", {"consent": no_consent}, "consent_missing"),
    )  # fmt: skip


@pytest.mark.cell("input.http.rule", fault="inputs", service="registration")
async def test_a_broken_rule_is_named_with_its_version_and_all_of_them_are_listed(
    world: World, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    async with nothing_changes(world.h, evidence, without=SPENT, grown=KEPT) as trial:
        for _ in range(scale(test=2, long=100)):
            broken = _broken_rules(dice)
            several = {field: (field, change, code) for field, change, code in dice.sample(broken, 4)}
            for rules in (*([one] for one in broken), [*several.values()]):
                change = {name: value for _, changed, _ in rules for name, value in changed.items()}
                first = min(rules, key=lambda rule: ORDER.index(rule[0]))
                filled, secrets = _person(**change)
                answer = await _brought(world, filled, dice)
                fields = {field for field, _, _ in rules}
                said = [text for text in secrets if len(text) > 2]
                trial.take(refused(first[0], answer, 422, first[2], fields=fields, rules=RULES, secrets=said))
    at_the_border, _ = _person(birth_date="1959-10-07")
    assert (await world.register(at_the_border)).status_code == 201, "65 for one more day"


async def _agents(world: World) -> Mapping[str, Sequence[Headers]]:
    """Code → tokens of agents who may not register: not yet or no longer active, or of another Wadah than the token says."""
    idle = list[Any]()
    for suspended in (True, False):
        own = await world.registered()
        await world.pay(own)
        agent_id, _ = await world.proposed(own)
        idle.append(agent_id)
        if suspended:
            await world.activated(agent_id)
            path = f"/agents/{agent_id}/suspension"
            answer = await world.h.client.post(path, json={"reason": "review"}, headers=world.checker())
            assert answer.status_code == 200, answer.text
    other = await world.engaged("PKS-2")
    return {
        "agent_not_active": [world.agent(agent_id=one) for one in idle],
        "agent_of_other_wadah": [world.agent(wadah_id=other)],
    }


@pytest.mark.cell("input.http.rule", fault="inputs", service="registration")
async def test_an_agent_who_may_not_register_is_told_so_and_registers_nobody(
    world: World, evidence: Evidence, scale: Scale
) -> None:
    agents = [(code, one) for code, every in (await _agents(world)).items() for one in every]
    async with nothing_changes(world.h, evidence, without=SPENT, grown=KEPT) as trial:
        for code, headers in agents * scale(test=1, long=100):
            filled, secrets = _person()
            answer = await world.register(filled, {**headers, "Idempotency-Key": filled["nik"]})
            trial.take(refused(code, answer, 422, code, rules=RULES, secrets=secrets))


@pytest.mark.cell("input.http.nik-registered", fault="inputs", service="registration")
async def test_a_nik_that_somebody_holds_is_refused_in_the_same_words_whoever_holds_it(
    world: World, evidence: Evidence, dice: random.Random, scale: Scale
) -> None:
    """Unpaid, protected, in grace; asked by the own agent with other data, at the own and at another branch, by a stranger."""
    elsewhere, trial, texts = await _another_branch(world.h), Trial(), set[str]()
    holders, secrets = await _holders(world)
    for days in (0, 40):
        world.h.pass_time(days=days)
        async with unchanged(world.h, trial.wrong, without=SPENT, grown=KEPT):
            for _ in range(scale(test=6, long=300)):
                nik = dice.choice(holders[1:] if days else holders)
                filled, mine = _person(nik=nik)
                at = dice.choice([world, elsewhere])
                answer = (
                    await _brought(at, filled, dice)
                    if at is world and not days
                    else await at.register(filled, at.officer())
                )
                known = [*secrets, *mine]
                trial.take(refused("nik", answer, 409, "nik_registered", fields={"nik"}, secrets=known))
                texts.add(answer.text)
    trial.wrong += unlike(("answers for all", 1, len(texts)))
    trial.ends(evidence)


async def _another_branch(h: Harness) -> World:
    world = World(h)
    new = {"code": "J09", "name": "Cabang Lain", "city": "Serang"}
    answer = await h.client.post("/branches", json=new, headers=h.token(roles=["central"]))
    world.branch_id = UUID(answer.json()["branch_id"])
    return world


async def _holders(world: World) -> tuple[list[str], list[str]]:
    """NIK of somebody unpaid and of two who are protected, and all that is known of them."""
    niks, secrets = list[str](), list[str]()
    for pays in (False, True, True):
        filled, values = _person()
        told = (await world.register(filled, world.officer() if len(niks) == 2 else world.agent())).json()
        if pays:
            await world.pay(UUID(told["participant_id"]))
        niks.append(filled["nik"])
        secrets += [*values, told["participant_id"], told["contribution_code"]]
    return niks, secrets
