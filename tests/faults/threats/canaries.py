"""Invented people whose every value is found again wherever it turns up: long, and never written by anything else."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from tests.faults.evidence import Violation
from tests.faults.threats.rows import _TABLES
from tests.support.service import Harness

_NUMBERS = itertools.count(1)
SHORTEST = 8


@dataclass(frozen=True)
class Canary:
    """A person; `values` by field of the form. `marks`: what is searched for, in the spellings that the system itself would use."""

    values: Mapping[str, str]

    @property
    def marks(self) -> frozenset[bytes]:
        texts = {self.values[name] for name in ("nik", "name", "birth_place", "phone", "email", "address")}
        texts |= {f"+62{self.values['phone'][1:]}", self.values["phone"][1:], *self.values["name"].split()[1:]}
        spelt = {json.dumps(text)[1:-1] for text in texts} | texts
        return frozenset(text.encode() for text in spelt if len(text) >= SHORTEST)


def canary() -> Canary:
    number = next(_NUMBERS)
    letters = "".join(chr(ord("a") + int(digit)) for digit in f"{number:06d}")
    return Canary(
        {
            "nik": f"36710404039{number:05d}"[:16],
            "name": f"Kenari{letters} Bersiul{letters}",
            "birth_place": f"Sangkar{letters}",
            "birth_date": "1990-03-04",
            "sex": "M",
            "phone": f"08139{number:07d}",
            "email": f"kenari{letters}@contoh.example",
            "address": f"Jalan Kicau{letters} 7",
        }
    )


def found_in(texts: Iterable[bytes], marks: Iterable[bytes]) -> int:
    """How many marks stand somewhere in these."""
    whole = b"\0".join(texts)
    return sum(mark in whole for mark in marks)


def spilt(where: str, texts: Iterable[bytes], marks: Iterable[bytes]) -> list[Violation]:
    number = found_in(texts, marks)
    return [{"where": where, "key": "", "expected": "no canary", "actual": f"{number} marks"}] if number else []


async def everything(h: Harness) -> Mapping[str, Sequence[bytes]]:
    """Table → every value in it as bytes: what lies in the database, and what the relay would publish."""
    found: dict[str, Sequence[bytes]] = {}
    async with h.app.read() as conn:
        for table in (await conn.execute(_TABLES)).scalars().all():
            rows = await conn.exec_driver_sql(f'SELECT * FROM "{table}"')
            found[table] = [_bytes(value) for row in rows for value in row]
    return found


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes | memoryview):
        return bytes(value)
    return (json.dumps(value, default=str) if isinstance(value, dict | list) else str(value)).encode()


async def in_database(h: Harness, marks: Iterable[bytes]) -> tuple[int, list[Violation]]:
    """How many values were looked at, and a violation per table with a canary in clear."""
    marks, tables = [*marks], await everything(h)
    wrong = [one for table, values in tables.items() for one in spilt(f"{h.service.name}.{table}", values, marks)]
    return sum(map(len, tables.values())), wrong


async def parked_reasons(h: Harness) -> list[bytes]:
    async with h.app.read() as conn:
        rows = await conn.execute(sa.text("SELECT parked, detail FROM progress WHERE parked IS NOT NULL"))
        return [f"{row.parked} {row.detail}".encode() for row in rows]
