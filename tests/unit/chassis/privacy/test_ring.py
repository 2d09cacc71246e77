"""A key in memory does not outlive its destruction: it is dropped in its time and asked for anew."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from chassis.ids import new_id
from chassis.privacy.keys import KeyRing, Keys


class Keeper:
    """Satisfies KeySource."""

    def __init__(self) -> None:
        self.keys: Keys = {}
        self.asked: list[UUID] = []

    async def load(self, subjects: Collection[UUID]) -> Keys:
        self.asked += sorted(subjects)
        return {subject: self.keys[subject] for subject in subjects if subject in self.keys}


async def test_a_key_that_was_destroyed_elsewhere_is_gone_after_two_looks_at_most() -> None:
    keeper, who, late = Keeper(), new_id(), new_id()
    keeper.keys = {who: b"k" * 32, late: b"l" * 32}
    ring = KeyRing(keeper)
    await ring.fetch([who])
    before = ring.renew(set())
    assert ring.cache[who] == b"k" * 32, "it came only now"
    await ring.fetch([late])
    keeper.keys[who] = None
    before = ring.renew(before)
    assert who not in ring.cache
    assert ring.cache[late] == b"l" * 32
    await ring.fetch([who, late])
    assert ring.cache[who] is None
    assert keeper.asked == [who, late, who]
    ring.renew(before)
    assert late not in ring.cache
    assert ring.cache[who] is None, "what is forgotten stays so"
