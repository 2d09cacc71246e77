"""Which fields a request may hold, of which form and length: the official tables as data (snap.md section 6).

First all mandatory fields, then all forms. A field that is null or blank counts as missing. Unknown fields are ignored. What is wrong in
itself is a format error here; whether a sum fits a bill is decided elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from services.payments.domain.snap import codes, values

Fields = dict[str, Any]
Check = Callable[[Any, str, int], None]
"""(value, its name, most integer digits of an amount); raises Malformed."""

MAX_BODY_BYTES = 64 * 1024
MAX_DEPTH = 32
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_CURRENCY = "IDR"


class Malformed(Exception):
    """A request that is wrong in itself, with the case that says so. Its text is the response message."""

    def __init__(self, case: codes.Case) -> None:
        super().__init__(case.message)
        self.case = case


@dataclass(frozen=True, slots=True)
class Field:
    """`other` is a second spelling that the official samples use."""

    name: str
    check: Check
    mandatory: bool = False
    other: str | None = None


def read(body: bytes) -> Fields:
    """The JSON object. Raises Malformed (400xx00) for anything else: not UTF-8, too large, too deep, a member twice."""
    if len(body) > MAX_BODY_BYTES:
        raise Malformed(codes.BAD_REQUEST)
    try:
        found = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_not_json)
    except (ValueError, RecursionError):
        raise Malformed(codes.BAD_REQUEST) from None
    if not isinstance(found, dict) or _depth(found) > MAX_DEPTH:
        raise Malformed(codes.BAD_REQUEST)
    return found


def check(fields: Fields, rules: Sequence[Field], *, amount_digits: int, prefix: str = "") -> Fields:
    """The known, present fields under their proper names. Raises Malformed naming the first bad one."""
    found = {rule.name: _value(fields, rule) for rule in rules}
    for rule in rules:
        if rule.mandatory and found[rule.name] is None:
            raise Malformed(codes.MANDATORY_MISSING.saying(prefix + rule.name))
    present = {name: value for name, value in found.items() if value is not None}
    for rule in rules:
        if rule.name in present:
            rule.check(present[rule.name], prefix + rule.name, amount_digits)
    return present


@dataclass(frozen=True, slots=True)
class Form:
    """A check in words, for the published document; `longest`: most characters of a text; `parts`: the fields inside."""

    words: str
    longest: int | None = None
    parts: tuple[Field, ...] = ()


_FORMS: dict[Check, Form] = {}


def form_of(check: Check) -> Form:
    """What this check asks for."""
    return _FORMS[check]


def longest(check: Check) -> int | None:
    """Most characters of a text; None for anything else."""
    return _FORMS[check].longest


def _told(check: Check, words: str, longest: int | None = None, parts: tuple[Field, ...] = ()) -> Check:
    _FORMS[check] = Form(words, longest, parts)
    return check


def text(length: int) -> Check:
    def checked(value: Any, name: str, _: int) -> None:
        if not isinstance(value, str) or len(value) > length or _UNPRINTABLE.search(value):
            bad(name)

    return _told(checked, f"text, at most {length}", longest=length)


def at_most(length: int, check: Check) -> Check:
    """The same, with fewer characters."""

    def checked(value: Any, name: str, digits: int) -> None:
        check(value, name, digits)
        if isinstance(value, str) and len(value) > length:
            bad(name)

    return checked


def one_of(*allowed: str) -> Check:
    def checked(value: Any, name: str, _: int) -> None:
        if value not in allowed:
            bad(name)

    return _told(checked, " or ".join(f'"{one}"' for one in allowed))


def number(digits: int) -> Check:
    """A whole number of at most `digits` digits; as text too, since the samples mix both."""

    def checked(value: Any, name: str, _: int) -> None:
        if isinstance(value, bool) or not isinstance(value, int | str):
            bad(name)
        if not _DIGITS.fullmatch(str(value)) or len(str(value)) > digits:
            bad(name)

    return _told(checked, f"number, at most {digits} digits (as text too)")


def hexadecimal(length: int) -> Check:
    shape = re.compile(f"[0-9A-Fa-f]{{1,{length}}}")

    def checked(value: Any, name: str, _: int) -> None:
        if not isinstance(value, str) or not shape.fullmatch(value):
            bad(name)

    return _told(checked, f"hexadecimal, at most {length}")


def short_code(value: Any, name: str, _: int) -> None:
    """One character, or a digit as a number (`paymentType` in the samples)."""
    if isinstance(value, bool) or not isinstance(value, int | str) or len(str(value)) != 1:
        bad(name)
    if _UNPRINTABLE.search(str(value)):
        bad(name)


def money(value: Any, name: str, digits: int) -> None:
    """`{value, currency}`: rupiah above zero without sen."""
    if not isinstance(value, dict):
        bad(name)
    amount, currency = value.get("value"), value.get("currency")
    for part, given in (("value", amount), ("currency", currency)):
        if given is None or (isinstance(given, str) and not given.strip()):
            raise Malformed(codes.MANDATORY_MISSING.saying(f"{name}.{part}"))
    if not isinstance(amount, str) or values.rupiah(amount, digits=digits) is None:
        bad(f"{name}.value")
    if currency != _CURRENCY:
        bad(f"{name}.currency")


def moment(value: Any, name: str, _: int) -> None:
    if not isinstance(value, str) or values.instant(value) is None:
        bad(name)


def anything(value: Any, name: str, _: int) -> None:
    """An object of the partner's own, echoed and not read."""
    if not isinstance(value, dict):
        bad(name)


def both_languages(length: int) -> Check:
    return members(Field("english", text(length)), Field("indonesia", text(length)))


def members(*rules: Field) -> Check:
    """An object with these fields."""

    def checked(value: Any, name: str, digits: int) -> None:
        if not isinstance(value, dict):
            bad(name)
        check(value, rules, amount_digits=digits, prefix=f"{name}.")

    return _told(checked, "object", parts=rules)


def many(most: int, item: Check) -> Check:
    def checked(value: Any, name: str, digits: int) -> None:
        if not isinstance(value, list) or len(value) > most:
            bad(name)
        for entry in value:
            item(entry, name, digits)

    return _told(checked, f"list of at most {most} objects", parts=form_of(item).parts)


_told(short_code, "one character (a digit as a number too)")
_told(money, 'object {value, currency}: value a decimal text such as "16800.00" with no sen, currency "IDR"')
_told(moment, "instant with offset, such as 2026-11-22T10:15:30+07:00 (Z, milliseconds and 20261122T101530+0700 too)")
_told(anything, "object of your own")


def bad(name: str) -> NoReturn:
    """Raises Malformed (400xx01) naming the field."""
    raise Malformed(codes.INVALID_FORMAT.saying(name))


def _value(fields: Mapping[str, Any], rule: Field) -> Any:
    value = fields.get(rule.name)
    if value is None and rule.other is not None:
        value = fields.get(rule.other)
    return None if isinstance(value, str) and not value.strip() else value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands twice")
    return found


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _depth(value: Any) -> int:
    """Levels of nesting, without recursion."""
    level, depth = [value], 0
    while level:
        depth += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth
