"""The canaries: values of the run's people that nobody else has, and how they are found in any bytes, at the speed of C.

Every canary contains one of a few anchors (a number range, a common word). Anchors are searched with `bytes.find`; where one is found, the bytes
around it are looked up in a set. So the cost depends on the anchors and the bytes, and hardly on the number of people.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tests.faults.checker.facts import CannotCheck

SHORTEST = 8
"""A shorter value could stand anywhere by chance."""
ANCHOR = 4
MOST_ANCHORS = 64
_WORD = re.compile(r"\w+")
_TRUNK = re.compile(r"^(?:\+?62|0)(?=8)")


@dataclass(frozen=True)
class Canaries:
    """`owners`: a canary's bytes → number and kind. `anchors`: anchor → the places (start before it, length) to look at."""

    owners: Mapping[bytes, tuple[int, str]]
    anchors: Mapping[bytes, frozenset[tuple[int, int]]]

    @property
    def longest(self) -> int:
        return max(map(len, self.owners))

    def found_in(self, view: bytes) -> Iterator[tuple[int, str]]:
        """Whose value stands there, and which; each occurrence."""
        for anchor, places in self.anchors.items():
            at = view.find(anchor)
            while at >= 0:
                for before, length in places:
                    start = at - before
                    if start >= 0 and (owner := self.owners.get(view[start : start + length])) is not None:
                        yield owner
                at = view.find(anchor, at + 1)


def canaries(people: Mapping[int, Mapping[str, str]]) -> Canaries:
    """Of everybody's values those that are long enough and nobody else's. Raises CannotCheck where a person has no such NIK,
    or where the values have too little in common to be searched at once."""
    holders: defaultdict[bytes, set[tuple[int, str]]] = defaultdict(set)
    for number, values in people.items():
        for kind, text in values.items():
            holders[_as_searched(kind, text).encode()].add((number, kind))
    owners = {
        value: next(iter(found)) for value, found in holders.items() if len(found) == 1 and len(value) >= SHORTEST
    }
    without = people.keys() - {number for number, kind in owners.values() if kind == "nik"}
    if without:
        raise CannotCheck(f"{len(without)} people of the journal have no NIK of their own to look for")
    return Canaries(owners, _anchors(owners))


def _as_searched(kind: str, text: str) -> str:
    """A phone number is stored with its country code: what all ways of writing it share is searched."""
    return _TRUNK.sub("", text) if kind == "phone" else text


def _anchors(values: Iterable[bytes]) -> dict[bytes, frozenset[tuple[int, int]]]:
    """The fewest substrings, by greedy choice, such that each value contains one."""
    candidates = {value: _parts(value) for value in values}
    chosen: defaultdict[bytes, set[tuple[int, int]]] = defaultdict(set)
    while candidates:
        if len(chosen) == MOST_ANCHORS:
            raise CannotCheck(f"{len(candidates)} values of people have nothing in common with others: no quick search")
        counts = Counter(part for parts in candidates.values() for part in parts)
        anchor = max(counts, key=lambda part: (counts[part], len(part)))
        for value in [value for value, parts in candidates.items() if anchor in parts]:
            chosen[anchor].add((value.index(anchor), len(value)))
            del candidates[value]
    return {anchor: frozenset(places) for anchor, places in chosen.items()}


def _parts(value: bytes) -> set[bytes]:
    """What may serve as its anchor: its words, and how it begins."""
    words = {word.encode() for word in _WORD.findall(value.decode()) if len(word) >= ANCHOR}
    return words | {value[:length] for length in range(ANCHOR, SHORTEST + 1)}
