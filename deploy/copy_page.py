"""A copy as a page that the person can read and print: Indonesian first, English below; rupiah and WIB. One file, nothing fetched from anywhere."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from html import escape
from pathlib import Path
from typing import Any, Final

from chassis.held import SOMEBODY_ELSE, UNREADABLE, EventHeld, TableShown, WordsShown
from contracts.values import WIB
from deploy.copies import Copy

WORDS: Final[Mapping[str, str]] = tomllib.loads(Path(__file__).with_name("copy_words.toml").read_text(encoding="utf-8"))
"""Column → what it is called in Indonesian."""
RUPIAH: Final = frozenset(
    {
        "acquisition_pay", "adjusted", "agent", "amount", "amount_here", "amount_there", "balance", "before", "carried_in", "carried_out",
        "carved", "contribution_pay", "credit", "fee", "fees", "from_suspense", "held", "income", "payable", "received",
    }
)  # fmt: skip
"""Columns of whole rupiah."""
_SAID: Final = {
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
th{background:#eee;font-weight:600}td{overflow-wrap:anywhere}tr{break-inside:avoid}small,.note{color:#555;font-weight:400}
@page{size:A4 landscape;margin:12mm}
"""
_SERVICES: Final = {
    "registration": "Kepesertaan (registration)",
    "payments": "Iuran dan pembayaran (payments)",
    "notifications": "Pesan (notifications)",
}
_EVENTS: Final = (
    "Dicatat<br><small>recorded</small>",
    "Berlaku<br><small>occurred</small>",
    "Kejadian<br><small>event</small>",
    "Oleh<br><small>by</small>",
    "Isi<br><small>content</small>",
)


def page(copy: Copy) -> str:
    """The whole page."""
    parts = [
        "<h1>Salinan data pribadi</h1><p class=note>Copy of personal data</p>",
        _both(
            f"Peserta {copy.participant_id}. Dibuat {_when(copy.made_at)}; permintaan {copy.export_id}, batas waktu {_when(copy.due_by)}.",
            f"Participant {copy.participant_id}. Made {_when(copy.made_at)}; request {copy.export_id}, due by {_when(copy.due_by)}.",
        ),
        _both(
            "Semua yang disimpan tentang Anda, dari setiap layanan, beserta riwayatnya (UU 27/2022 Pasal 7 dan 32).",
            "Everything held about you, from each service, with its history (UU 27/2022 Art. 7 and 32).",
        ),
        _told(copy.told),
    ]
    for name, part in copy.services.items():
        parts.append(f"<h2>{escape(_SERVICES.get(name, name))}</h2>")
        if part is None:
            parts.append(_both("Tidak ada.", "Nothing."))
            continue
        parts += [_table_of(table) for table in part.tables]
        parts.append("<h3>Riwayat<br><small>History</small></h3>" + _events(part.events))
    body = "\n".join(parts)
    return f"<!doctype html><html lang=id><meta charset=utf-8><title>Salinan data pribadi</title><style>{_STYLE}</style>\n{body}\n</html>\n"


def _both(indonesian: str, english: str) -> str:
    return f"<p>{escape(indonesian)}<br><small>{escape(english)}</small></p>"


def _told(told: Iterable[WordsShown]) -> str:
    items = "".join(f"<li>{escape(words.id)}<br><small>{escape(words.en)}</small></li>" for words in told)
    return f"<h2>Keterangan<br><small>Notes</small></h2><ul>{items}</ul>"


def _table_of(table: TableShown) -> str:
    title = f"<h3>{escape(table.title.id)}<br><small>{escape(table.title.en)} ({escape(table.name)})</small></h3>"
    columns = [name for name in table.rows[0] if any(row[name] is not None for row in table.rows)]
    if len(table.rows) == 1:
        (row,) = table.rows
        return title + _table((), ([_title(name), shown(name, row[name])] for name in columns))
    rows = ([shown(name, row[name]) for name in columns] for row in table.rows)
    return title + _table([_title(name) for name in columns], rows)


def _title(name: str) -> str:
    return f"{escape(WORDS.get(name, name))}<br><small>{escape(name)}</small>"


def _events(events: Sequence[EventHeld]) -> str:
    return _table(_EVENTS, (_event(one) for one in events))


def _event(one: EventHeld) -> list[str]:
    what = f"{escape(one.type)}<br><small>{escape(one.stream)} {one.seq}, {escape(one.rules)}</small>"
    told = "<br>".join(f"{escape(WORDS.get(name, name))}: {shown(name, value)}" for name, value in one.data.items())
    return [_when(one.recorded_at), _when(one.occurred_at), what, escape(one.actor), told]


def shown(name: str, value: Any) -> str:
    """A value as people read it, ready for HTML."""
    if value is None:
        return ""
    if isinstance(value, bool) or value in (SOMEBODY_ELSE, UNREADABLE):
        return _SAID[value]
    if name == "details" and isinstance(value, str):
        value = json.loads(value)  # number and holder of an account, in one encrypted cell
    if isinstance(value, dict):
        return "<br>".join(f"{escape(WORDS.get(inner, inner))}: {shown(inner, one)}" for inner, one in value.items())
    if isinstance(value, list):
        return ", ".join(shown(name, one) for one in value)
    if isinstance(value, int) and name in RUPIAH:
        return f"Rp{value:,}".replace(",", ".")
    return escape(_in_words(value) if isinstance(value, str) else str(value))


def _in_words(text: str) -> str:
    """Times and days as they are said; whatever somebody wrote that only looks like one stays as it is."""
    try:
        if _INSTANT.fullmatch(text):
            return _when(datetime.fromisoformat(text))
        return f"{date.fromisoformat(text):%d-%m-%Y}" if _DAY.fullmatch(text) else text
    except (ValueError, OverflowError):
        return text


def _when(at: datetime) -> str:
    return f"{at.astimezone(WIB):%d-%m-%Y %H.%M.%S} WIB"


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = f"<tr>{''.join(f'<th>{title}</th>' for title in titles)}</tr>" if titles else ""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{head}{body}</table>"
