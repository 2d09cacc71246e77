"""A refusal says what is wrong, where, and what to do, in Indonesian and English, and repeats nothing of a person. Here it is judged."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import httpx

from tests.faults.evidence import Violation

RULES = "bpu-registration/2022-07"
"""The dated rule set that decides about a form on the day that tests begin with."""


def odd(where: str, key: object, expected: object, actual: object) -> Violation:
    """A violation; none of the four may hold what was sent."""
    return {"where": where, "key": str(key), "expected": str(expected), "actual": str(actual)}


def unlike(*found: tuple[str, object, object]) -> list[Violation]:
    """A violation for each (where, expected, actual) that differ."""
    return [odd(where, "", expected, actual) for where, expected, actual in found if expected != actual]


def refused(
    row: str,
    answer: httpx.Response,
    status: int,
    code: str,
    *,
    fields: Collection[str] = (),
    rules: str | None = None,
    secrets: Iterable[str] = (),
) -> list[Violation]:
    """What is wrong with a refusal: another status, code or set of fields, a language missing, a secret told."""
    found = answer.json() if answer.content else {}
    if (answer.status_code, found.get("code")) != (status, code):
        return [odd(row, code, f"{status} {code}", f"{answer.status_code} {found.get('code')}")]
    wrong = list[Violation]()
    if answer.headers["content-type"] != "application/problem+json":
        wrong.append(odd(row, code, "problem details", answer.headers["content-type"]))
    if (named := named_in(answer)) != set(fields):
        wrong.append(odd(row, code, sorted(fields), sorted(named)))
    if rules is not None and found.get("rules") != rules:
        wrong.append(odd(row, code, rules, found.get("rules")))
    if (
        not all(in_both(told) for told in (found, *found.get("errors", ())))
        or found["detail"] != found["messages"]["id"]
    ):
        wrong.append(odd(row, code, "Indonesian and English", "a language is missing"))
    if spilt := sum(secret in answer.text for secret in secrets):
        wrong.append(odd(row, code, "nothing of what was sent", f"{spilt} values"))
    return wrong


def named_in(answer: httpx.Response) -> set[str]:
    """The fields that a refusal names."""
    found = answer.json()
    fields = {one["field"] for one in found.get("errors", ())}
    return fields or ({found["field"]} if "field" in found else set())


def in_both(told: dict[str, object]) -> bool:
    """Whether there is a sentence in each language, and not one sentence twice."""
    messages = told["messages"]
    assert isinstance(messages, dict)
    return bool(messages["id"] and messages["en"] and messages["id"] != messages["en"])
