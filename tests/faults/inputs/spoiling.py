"""Bodies that are not as their form says: broken as JSON, or with some members missing, unknown, mistyped or unreadable.

Every choice hangs on the dice, so a seed gives the same bodies again.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

LIMIT: Final = 64 * 1024
Spoil = Callable[[bytes, random.Random], bytes]
_LITERALS: Final[Mapping[str, str]] = {f"~{text}~": text for text in ("1e3", "NaN", "-0.5", "1.5", "Infinity")}
"""Numbers that Python would not write like this."""

BROKEN: Final[Mapping[str, Spoil]] = {
    "empty": lambda raw, dice: b" " * dice.randrange(3),
    "cut off": lambda raw, dice: raw[: dice.randrange(1, len(raw))],
    "said twice": lambda raw, dice: raw + b" " * dice.randrange(3) + raw,
    "apostrophes": lambda raw, dice: raw.replace(b'"', b"'"),
    "not UTF-8": lambda raw, dice: _inserted(raw, dice, bytes([dice.randrange(0xF8, 0x100)])),
    "doubled member": lambda raw, dice: b'{"%b": 1, ' % dice.choice([*json.loads(raw)]).encode() + raw[1:],
    "deep lists": lambda raw, dice: b"[" * (depth := dice.randrange(18, 30_000)) + b"]" * depth,
    "deep objects": lambda raw, dice: b'{"a":' * (depth := dice.randrange(18, 10_000)) + raw + b"}" * depth,
}
"""No JSON, or JSON that nobody may send: each is 400."""
OTHER_MEDIA: Final = (
    "text/plain",
    "text/json",
    "application/xml",
    "application/jsonx",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "json",
    "",
)


def over_limit(raw: bytes, dice: random.Random, limit: int = LIMIT) -> bytes:
    return raw + b" " * (limit - len(raw) + dice.randrange(1, limit))


def _inserted(raw: bytes, dice: random.Random, what: bytes) -> bytes:
    at = dice.randrange(1, len(raw))
    return raw[:at] + what + raw[at:]


def misfilled(body: Mapping[str, Any], required: Collection[str], dice: random.Random) -> tuple[bytes, set[str]]:
    """The body with up to four members spoilt, and the names of those."""
    spoilt, bad = dict(body), set[str]()
    for name in dice.sample(sorted(body), dice.randrange(1, min(4, len(body)) + 1)):
        if name in required and dice.random() < 0.2:
            del spoilt[name]
        else:
            spoilt[name] = dice.choice(_wrong(body[name], dice))
        bad.add(f"{name}.0" if _holds_a_bad_one(body[name], spoilt.get(name)) else name)
    if dice.random() < 0.3:
        bad.add(unknown := f"tambahan_{dice.randrange(1_000)}")
        spoilt[unknown] = dice.choice([1, "x", None, [], {}])
    raw = json.dumps(spoilt)
    for mark, literal in _LITERALS.items():
        raw = raw.replace(f'"{mark}"', literal)
    return raw.encode(), bad


def _holds_a_bad_one(good: Any, wrong: Any) -> bool:
    return isinstance(good, list) and isinstance(wrong, list)


def _wrong(value: Any, dice: random.Random) -> Sequence[Any]:
    """What this member may never be."""
    match value:
        case str():
            at = dice.randrange(len(value) + 1)
            strange = dice.choice(["\0", "\x1b", "\x07", "\x85", "\ud800", "\udfff"])
            long = "x" * dice.randrange(4_001, 5_000)
            return [dice.randrange(100), False, [value], {"nilai": value}, value[:at] + strange + value[at:], long]
        case bool():
            return [str(value), str(value).lower(), 0, 1, [value], "", None]
        case int():
            return [str(value), False, [value], "", *_LITERALS]
        case list():
            return ["x", {"0": value[0]}, 1, [dice.randrange(100)], [[value[0]]]]
    return ["x", 1, [value], True]
