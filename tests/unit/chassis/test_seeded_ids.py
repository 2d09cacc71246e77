from __future__ import annotations

from itertools import islice

from chassis.ids import new_id
from tests.support.seeded_ids import seeded_ids


def test_a_seed_gives_the_same_ids_in_order_and_another_seed_gives_others() -> None:
    first, again, other = ([*islice(seeded_ids(seed), 1_000)] for seed in (1, 1, 2))
    assert first == again == sorted(first)
    assert not {*first} & {*other}
    assert {(one.version, one.variant) for one in first} == {(new_id().version, new_id().variant)}
    assert new_id() < first[0]
