"""A copy as a page that the person can read and print: Indonesian first, English below; rupiah and WIB."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from chassis.held import EventHeld, TableShown, WordsShown
from deploy.copies import Copy
from deploy.pages import EVENTS, both, document, rows_of, shown, table, title, when

_SERVICES: Final = {
    "registration": "Kepesertaan (registration)",
    "payments": "Iuran dan pembayaran (payments)",
    "notifications": "Pesan (notifications)",
    "audit": "Siapa yang melihat data Anda (audit)",
}
_TITLES: Final = (
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
        both(
            f"Peserta {copy.participant_id}. Dibuat {when(copy.made_at)}; permintaan {copy.export_id}, batas waktu {when(copy.due_by)}.",
            f"Participant {copy.participant_id}. Made {when(copy.made_at)}; request {copy.export_id}, due by {when(copy.due_by)}.",
        ),
        both(
            "Semua yang disimpan tentang Anda, dari setiap layanan, beserta riwayatnya (UU 27/2022 Pasal 7 dan 32).",
            "Everything held about you, from each service, with its history (UU 27/2022 Art. 7 and 32).",
        ),
        _told(copy.told),
    ]
    for name, part in copy.services.items():
        parts.append(f"<h2>{escape(_SERVICES.get(name, name))}</h2>")
        if part is None:
            parts.append(both("Tidak ada.", "Nothing."))
            continue
        parts += [_table_of(one) for one in part.tables]
        if part.events:
            parts.append("<h3>Riwayat<br><small>History</small></h3>" + _events(part.events))
    return document("Salinan data pribadi", parts)


def _told(told: Iterable[WordsShown]) -> str:
    items = "".join(f"<li>{escape(words.id)}<br><small>{escape(words.en)}</small></li>" for words in told)
    return f"<h2>Keterangan<br><small>Notes</small></h2><ul>{items}</ul>"


def _table_of(one: TableShown) -> str:
    head = f"<h3>{escape(one.title.id)}<br><small>{escape(one.title.en)} ({escape(one.name)})</small></h3>"
    return head + rows_of(one.rows)


def _events(events: Sequence[EventHeld]) -> str:
    return table(_TITLES, (_event(one) for one in events))


def _event(one: EventHeld) -> list[str]:
    what = f"{title(one.type, EVENTS)}<br><small>{escape(one.stream)} {one.seq}, {escape(one.rules)}</small>"
    return [when(one.recorded_at), when(one.occurred_at), what, escape(one.actor), shown("data", one.data)]
