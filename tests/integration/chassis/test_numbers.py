"""Numbers that are handed out never repeat, whoever asks, and never give a transaction its id too early."""

from __future__ import annotations

import asyncio
import random

from chassis.database import make_engine
from chassis.numbers import BLOCK, NumberBlocks
from tests.support.stack import Stack
from tests.support.toy import COUNTING, toy, toy_database


async def test_processes_at_once_never_hand_out_a_number_twice(stack: Stack) -> None:
    async with toy_database(stack) as url:
        engines = [make_engine(url, name=f"p{n}", pool_size=1)[0] for n in range(4)]
        processes = [NumberBlocks(engine) for engine in engines]
        taken = await asyncio.gather(*(process.take("kpj", 37) for _ in range(60) for process in processes))
        numbers = [number for part in taken for number in part]
        assert len(set(numbers)) == len(numbers) == 60 * 4 * 37
        assert min(numbers) == 1 and max(numbers) <= len(numbers) + 4 * BLOCK
        assert all(part == sorted(part) for part in taken)
        for engine in engines:
            await engine.dispose()


async def test_kinds_are_counted_apart(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        assert await h.app.numbers.take("kpj", 3) == [1, 2, 3]
        assert await h.app.numbers.take("code", 2) == [1, 2]
        assert await h.app.numbers.take("kpj", 1) == [4]
        assert await h.app.numbers.take("kpj", 0) == []


async def test_more_than_a_block_at_once_and_a_restart_leave_holes_but_no_repeats(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        first = await h.app.numbers.take("kpj", BLOCK + 500)
        assert first == list(range(1, BLOCK + 501))
        restarted = NumberBlocks(h.app.engine)
        (after,) = await restarted.take("kpj", 1)
        assert after > first[-1]


async def test_one_process_counts_without_holes_however_it_is_asked(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        for seed in range(40):
            chance = random.Random(seed)
            asked = [chance.choice([0, 1, 7, BLOCK - 1, BLOCK, BLOCK + 1]) for _ in range(chance.randint(1, 8))]
            taken = [number for count in asked for number in await h.app.numbers.take(f"kind-{seed}", count)]
            assert taken == list(range(1, sum(asked) + 1)), asked
