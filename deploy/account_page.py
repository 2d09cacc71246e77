"""An account as a page that can be read and printed for a hearing: one file, nothing fetched from anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final

from deploy.account import MOST_ROWS_TOLD, Json, Told

_SUBJECTS: Final = {
    "participant": "Peserta (participant)",
    "agent": "Agen (agent)",
    "wadah": "Wadah",
    "bill": "Tagihan (bill)",
}
_STYLE: Final = """
body{font:13px/1.45 sans-serif;margin:2rem auto;max-width:70rem;color:#111}
h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .4rem;break-after:avoid}h3{font-size:1rem;margin:1rem 0 .3rem;break-after:avoid}
table{border-collapse:collapse;width:100%;margin-bottom:.6rem}th,td{border:1px solid #bbb;padding:.2rem .4rem;text-align:left;vertical-align:top}
th{background:#eee}td{overflow-wrap:anywhere}tr{break-inside:avoid}.warn{border:2px solid #b00;padding:.5rem;color:#b00}.note{color:#555}
@page{size:A4 landscape;margin:12mm}
"""
_TITLES: Final = (
    "Dicatat (recorded)",
    "Berlaku (occurred)",
    "Kejadian (event)",
    "Oleh (by)",
    "Aturan (rules)",
    "Isi (payload)",
    "Bukti (proof)",
)


def page(found: Told) -> str:
    """The whole page. Sealed parts are shown as sealed."""
    account = found.account
    title = f"{_SUBJECTS[account['subject']]} {account['id']}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>Keadaan yang diketahui sistem pada {escape(account['at'])} "
        f"<span class=note>(what the system knew at that moment, by the time of recording)</span></p>",
        _warnings(found.differences),
        "<h2>Kejadian (events)</h2>",
        _events(account["events"]),
    ]
    if account["related"]:
        more = "<p class=note>… dan lainnya (and others)</p>" if account["more_related"] else ""
        parts += ["<h2>Rangkaian yang sama (of the same chains)</h2>", _events(account["related"]), more]
    parts.append("<h2>Keadaan (state)</h2>")
    for service, tables in found.states.items():
        parts += [f"<h3>{escape(service)}: {escape(table)}</h3>{_rows(rows)}" for table, rows in tables.items()]
    body = "\n".join(parts)
    return f"<!doctype html><html lang=id><meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>\n{body}\n</html>\n"


def _warnings(differences: Sequence[str]) -> str:
    if not differences:
        return "<p class=note>Arsip dan catatan layanan sama (the archive and the services' own logs agree).</p>"
    items = "".join(f"<li>{escape(text)}</li>" for text in differences)
    return f"<div class=warn>Arsip dan catatan layanan berbeda (the archive and the services' own logs differ):<ul>{items}</ul></div>"


def _events(events: Iterable[Json]) -> str:
    return _table(_TITLES, (_event(one) for one in events))


def _event(one: Json) -> list[str]:
    carried = ", ".join(f"{r['topic']}:{r['partition']}:{r['offset']}" for r in one["records"])
    changed = "" if one["intact"] else " DIUBAH (changed by hand)"
    what = f"{one['type']} v{one['version']}\n{one['stream']}/{one['key']} no. {one['seq']}"
    proof = f"{one['event_id']}\ndaun (leaf) {one['place']}{changed}\n{carried}"
    payload = json.dumps(one["payload"], ensure_ascii=False)
    return [one["recorded_at"], one["occurred_at"], what, one["actor"], one["rules"], payload, proof]


def _rows(rows: Sequence[Json]) -> str:
    shown, titles = rows[:MOST_ROWS_TOLD], [*rows[0]]
    more = (
        f"<p class=note>… {len(rows) - MOST_ROWS_TOLD} baris lagi (more rows)</p>" if len(rows) > MOST_ROWS_TOLD else ""
    )
    if len(shown) == 1:
        return _table(("", ""), ([name, _cell(shown[0][name])] for name in titles)) + more
    return _table(titles, ([_cell(row[name]) for name in titles] for row in shown)) + more


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in titles) if any(titles) else ""
    body = "".join("<tr>" + "".join(f"<td>{_lines(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")
