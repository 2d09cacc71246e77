"""Tables of commands, for people and for what they are piped into."""

from __future__ import annotations

import sys
from datetime import datetime

from rich.console import Console, RenderableType

from contracts.values import WIB

WIDE = 400
"""Columns of a table that no terminal shows: nothing reads its width there, so no cell is cut or folded."""


def show_table(table: RenderableType) -> None:
    """On standard output: as wide as the terminal, or as wide as it needs where there is none."""
    Console(width=None if sys.stdout.isatty() else WIDE).print(table)


def wib(instant: datetime) -> str:
    """To the minute, with its zone: whoever reads it lives by Asia/Jakarta."""
    return f"{instant.astimezone(WIB):%Y-%m-%d %H:%M} WIB"
