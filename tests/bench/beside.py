"""Figures measured once per benchmark, put beside its ratio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.bench.rounds import Result


def beside(result: Result, figures: Mapping[str, float]) -> Result:
    """The result, with these figures among those told alongside."""
    *earlier, last = result.counted
    numerator = replace(last.numerator, alongside={**last.numerator.alongside, **figures})
    void = [one for one in result.rounds if one.void is not None]
    return replace(result, rounds=[*void, *earlier, replace(last, numerator=numerator)])
