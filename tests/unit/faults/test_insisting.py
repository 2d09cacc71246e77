"""Whoever asks while processes die asks again."""

from __future__ import annotations

import httpx
import pytest

from tests.faults import insisting
from tests.faults.insisting import insist


async def test_a_process_that_died_under_the_question_is_asked_again() -> None:
    answers = [httpx.ReadError("gone"), httpx.ConnectError("not yet there"), None]

    async def ask() -> None:
        if (answer := answers.pop(0)) is not None:
            raise answer

    await insist("it answered", ask)
    assert not answers


async def test_what_never_answers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(insisting, "WITHIN_S", 0.0)

    async def ask() -> None:
        raise httpx.ConnectError("nobody")

    with pytest.raises(AssertionError, match="it answered"):
        await insist("it answered", ask)
