"""An account as a page that can be read and printed for a hearing: in words, WIB and rupiah; at its end everything as the services said it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Final

from deploy.account import MOST_ROWS_TOLD, SUBJECTS, Json, Told
from deploy.pages import EVENTS, TABLES, both, document, rows_of, shown, table, title, when

_TITLES: Final = (
    "Dicatat<br><small>recorded</small>",
    "Berlaku<br><small>occurred</small>",
    "Kejadian<br><small>event</small>",
    "Oleh<br><small>by</small>",
    "Aturan<br><small>rules</small>",
    "Isi<br><small>content</small>",
    "Tempat di arsip<br><small>place in the archive</small>",
)


def page(found: Told) -> str:
    """The whole page. Sealed parts are shown as sealed."""
    account = found.account
    heading, at = f"{SUBJECTS[account['subject']]} {account['id']}", when(datetime.fromisoformat(account["at"]))
    parts = [
        f"<h1>{escape(heading)}</h1>",
        both(
            f"Yang diketahui sistem pada {at}, menurut waktu pencatatan. Semua waktu dalam WIB (UTC+7).",
            f"What the system knew at {at}, by the time of recording. All times are WIB (UTC+7).",
        ),
        _warnings(found.differences),
        "<h2>Kejadian<br><small>Events</small></h2>",
        _events(account["events"]),
    ]
    if account["related"]:
        more = both("… dan lainnya.", "… and others.") if account["more_related"] else ""
        parts += [
            "<h2>Rangkaian yang sama<br><small>Of the same chains</small></h2>",
            _events(account["related"]),
            more,
        ]
    parts.append("<h2>Keadaan<br><small>State</small></h2>")
    for service, tables in found.states.items():
        parts += [_state(service, name, rows) for name, rows in tables.items()]
    return document(heading, [*parts, _as_said(found)])


def _warnings(differences: Sequence[str]) -> str:
    if not differences:
        return both("Arsip dan catatan layanan sama.", "The archive and the services' own logs agree.")
    items = "".join(f"<li>{escape(text)}</li>" for text in differences)
    said = both("Arsip dan catatan layanan berbeda:", "The archive and the services' own logs differ:")
    return f"<div class=warn>{said}<ul>{items}</ul></div>"


def _events(events: Iterable[Json]) -> str:
    return table(_TITLES, (_event(one) for one in events))


def _event(one: Json) -> list[str]:
    recorded, occurred = (when(datetime.fromisoformat(one[name])) for name in ("recorded_at", "occurred_at"))
    what = f"{title(one['type'], EVENTS)}<br><small>{escape(one['stream'])} {escape(one['key'])} {one['seq']}</small>"
    changed = "" if one["intact"] else "<br><b>DIUBAH (changed by hand)</b>"
    where = f"<small>{escape(one['event_id'])}</small><br>daun (leaf) {one['place']}{changed}"
    return [
        recorded,
        occurred,
        what,
        escape(one["actor"]),
        escape(one["rules"]),
        shown("payload", one["payload"]),
        where,
    ]


def _state(service: str, name: str, rows: Sequence[Json]) -> str:
    left = len(rows) - MOST_ROWS_TOLD
    more = both(f"… {left} baris lagi, di lampiran.", f"… {left} more rows, in the appendix.") if left > 0 else ""
    words = TABLES.get(service, {}).get(name, name)
    head = f"<h3>{escape(words)}<br><small>{escape(service)}: {escape(name)}</small></h3>"
    return head + rows_of(rows[:MOST_ROWS_TOLD]) + more


def _as_said(found: Told) -> str:
    """Nothing that the page leaves out or says in other words is lost."""
    raw = escape(json.dumps(found.as_json(), indent=1, ensure_ascii=False))
    head = "<h2>Lampiran: data asli<br><small>Appendix: the data as they were given</small></h2>"
    said = both(
        "Bagian `records` tiap kejadian (lewat rekaman mana pada Kafka ia datang, dan kapan) adalah catatan arsip sendiri: tidak tercakup bukti.",
        "`records` of an event (which records on Kafka carried it, and when) is the archive's own note: no proof covers it.",
    )
    return f"{head}{said}<details><summary>Buka sebelum mencetak (open before printing)</summary><pre>{raw}</pre></details>"
