"""What is answered: of everybody the sum as it was and as it would be, and what all of them come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """Of one agent, Wadah or bill; whole rupiah, ids and nothing else of a person.

    `stated`: what stands in the statements or on the bill. `was`: by the rules in force, over what is known now; it differs from what is stated
    where something came since that no statement tells of yet. `would`: the same under the supposed rules. `rules`: the versions of both; `parts`:
    what the sums are made of, as they were and as they would be.
    """

    who: Mapping[str, str]
    rules: tuple[str, str]
    stated: int
    was: int
    would: int
    parts: Mapping[str, tuple[int, int]]

    @property
    def difference(self) -> int:
        return self.would - self.was

    def as_json(self) -> dict[str, Any]:
        was, would = self.rules
        return {
            **self.who,
            "rules": {"was": was, "would": would},
            "stated": self.stated,
            "was": self.was,
            "would": self.would,
            "difference": self.difference,
            "parts": {name: {"was": then, "would": now} for name, (then, now) in self.parts.items()},
        }


@dataclass(slots=True)
class Totals:
    """Over all answers of one role. `different`: how many would have another sum; `unstated`: how many are not as they were stated."""

    count: int = 0
    different: int = 0
    unstated: int = 0
    sums: Counter[str] = field(default_factory=Counter)

    def add(self, answer: Answer) -> None:
        self.count += 1
        self.different += answer.difference != 0
        self.unstated += answer.stated != answer.was
        self.sums.update(stated=answer.stated, was=answer.was, would=answer.would, difference=answer.difference)

    def as_json(self) -> dict[str, int]:
        named = {name: self.sums[name] for name in ("stated", "was", "would", "difference")}
        return {"count": self.count, "different": self.different, "unstated": self.unstated, **named}
