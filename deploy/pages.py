"""What every page for people is made of: words in Indonesian beside the names that programs read, rupiah, WIB, tables.

A page is one file, and nothing in it is fetched from anywhere.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from html import escape
from pathlib import Path
from typing import Any, Final

from chassis.asof import SEALED
from chassis.copied import SOMEBODY_ELSE, UNREADABLE
from contracts.values import WIB

_WORDS: Final[Mapping[str, Any]] = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
WORDS: Final[Mapping[str, str]] = _WORDS["columns"]
"""Column of a table or field of an event → what it is called in Indonesian."""
EVENTS: Final[Mapping[str, str]] = _WORDS["events"]
"""Type of event → what happened, in Indonesian."""
TABLES: Final[Mapping[str, Mapping[str, str]]] = _WORDS["tables"]
"""Service → table → what its rows are, in Indonesian."""
RUPIAH: Final = frozenset(
    {
        "acquisition_pay", "adjusted", "after", "agent", "agents_payable", "amount", "amount_before", "amount_here", "amount_there", "balance",
        "base", "before", "carried_in", "carried_out", "carved", "contribution_pay", "credit", "debit", "expected", "fee", "fees", "fees_before",
        "fees_booked", "from_suspense", "gross", "held", "income", "jht", "jkk", "jkm", "most_per_deposit", "payable", "payout", "received",
        "share", "share_payable", "tax",
    }
)  # fmt: skip
"""Columns and fields of whole rupiah."""
_BOX: Final = {"sealed_for", "box"}
_SAID: Final = {
    SEALED: "tersegel (sealed)",
    SOMEBODY_ELSE: "orang lain (somebody else)",
    UNREADABLE: "tidak terbaca (unreadable)",
    True: "ya (yes)",
    False: "tidak (no)",
}
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_STYLE: Final = """
body{font:13px/1.45 sans-serif;margin:2rem auto;max-width:70rem;color:#111}
h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .4rem;break-after:avoid}h3{font-size:1rem;margin:1rem 0 .3rem;break-after:avoid}
table{border-collapse:collapse;width:100%;margin-bottom:.6rem}th,td{border:1px solid #bbb;padding:.2rem .4rem;text-align:left;vertical-align:top}
th{background:#eee;font-weight:600}td{overflow-wrap:anywhere}tr{break-inside:avoid}ul{margin:0;padding-left:1.1rem}small,.note{color:#555;font-weight:400}
.warn{border:2px solid #b00;padding:.5rem;color:#b00}pre{white-space:pre-wrap;overflow-wrap:anywhere}
@page{size:A4 landscape;margin:12mm}
"""


def document(title: str, parts: Iterable[str]) -> str:
    """The whole page, of parts that are HTML already."""
    head = f"<!doctype html><html lang=id><meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>"
    return "\n".join([head, *parts, "</html>\n"])


def both(indonesian: str, english: str) -> str:
    """A paragraph in both languages."""
    return f"<p>{escape(indonesian)}<br><small>{escape(english)}</small></p>"


def title(name: str, words: Mapping[str, str] = WORDS) -> str:
    """What it is called, above the name that programs read."""
    return f"{escape(words.get(name, name))}<br><small>{escape(name)}</small>"


def rows_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of one table, without the columns that are empty in all; a single row stands upright."""
    columns = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    if len(rows) == 1:
        return table((), ([title(name), shown(name, rows[0][name])] for name in columns))
    return table([title(name) for name in columns], ([shown(name, row[name]) for name in columns] for row in rows))


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Titles and cells are HTML already."""
    head = f"<tr>{''.join(f'<th>{one}</th>' for one in titles)}</tr>" if titles else ""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{head}{body}</table>"


def shown(name: str, value: Any) -> str:
    """A value as people read it, ready for HTML."""
    if value is None:
        return ""
    if isinstance(value, bool) or value in (SEALED, SOMEBODY_ELSE, UNREADABLE):
        return _SAID[value]
    if name == "details" and isinstance(value, str):
        value = json.loads(value)  # number and holder of an account, in one encrypted cell
    if isinstance(value, dict) and value.keys() == _BOX:
        return _SAID[SEALED] if value["box"] is not None else "dihapus (erased)"
    if isinstance(value, dict):
        return "<br>".join(_field(inner, one) for inner, one in value.items() if one is not None)
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return f"<ul>{''.join(f'<li>{shown(name, one)}</li>' for one in value)}</ul>"
    if isinstance(value, list):
        return ", ".join(shown(name, one) for one in value)
    if isinstance(value, int) and name in RUPIAH:
        return f"Rp{value:,}".replace(",", ".")
    return escape(_in_words(value) if isinstance(value, str) else str(value))


def _field(name: str, value: Any) -> str:
    word = WORDS.get(name, name)
    beside = f" <small>{escape(name)}</small>" if word != name else ""
    return f"{escape(word)}{beside}: {shown(name, value)}"


def _in_words(text: str) -> str:
    """Times and days as they are said; whatever somebody wrote that only looks like one stays as it is."""
    try:
        if _INSTANT.fullmatch(text):
            return when(datetime.fromisoformat(text))
        return f"{date.fromisoformat(text):%d-%m-%Y}" if _DAY.fullmatch(text) else text
    except (ValueError, OverflowError):
        return text


def when(at: datetime) -> str:
    """To the second, in WIB."""
    return f"{at.astimezone(WIB):%d-%m-%Y %H.%M.%S} WIB"
