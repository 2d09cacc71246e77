"""What a check found: how many things were looked at, how many were not as they must be, and the first few by name.

Names are ids and hashes; a value of a person never gets here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

PASS, FAIL, NOT_RUN = "pass", "fail", "not_run"
MOST_NAMED = 5


@dataclass
class Tally:
    id: str
    checked: int = 0
    violations: int = 0
    first: list[dict[str, str]] = field(default_factory=list)

    def bad(self, where: str, key: object, *, expected: object, actual: object) -> None:
        """One thing that is not as it must be."""
        self.violations += 1
        if len(self.first) < MOST_NAMED:
            told = {"where": where, "key": str(key), "expected": str(expected), "actual": str(actual)}
            self.first.append(told)

    def see(self, holds: bool, where: str, key: object, *, expected: object, actual: object) -> bool:
        """Looks at one thing; gives whether it holds."""
        self.checked += 1
        if not holds:
            self.bad(where, key, expected=expected, actual=actual)
        return holds

    def as_json(self) -> dict[str, Any]:
        status = NOT_RUN if not self.checked else FAIL if self.violations else PASS
        return {
            "id": self.id,
            "status": status,
            "checked": self.checked,
            "violations": self.violations,
            "first": self.first,
        }


def hashed(text: str) -> str:
    """Names something whose own text may hold anything, such as an Idempotency-Key."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
