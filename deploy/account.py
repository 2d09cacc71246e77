"""`perisai audit as-of`: what was known of one participant, agent, Wadah or bill at a moment, who had done it, and under which rules.

Audit says what had been recorded, out of its archive; each service that owns some of it folds the same keys from its own log and says what state
followed. Where the two logs differ, the account says so before anything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from deploy.pages import EVENTS, TABLES, WORDS, when

MOST_ROWS_TOLD: Final = 200
"""Of one table, on a page for people."""
SUBJECTS: Final = {
    "participant": "Peserta (participant)",
    "agent": "Agen (agent)",
    "wadah": "Wadah",
    "bill": "Tagihan (bill)",
}

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """`states`: service → table → rows. `differences`: sentences about events that the archive and the service's own log do not agree on."""

    account: Json
    states: Mapping[str, Mapping[str, Sequence[Json]]]
    differences: Sequence[str]

    def as_json(self) -> dict[str, Any]:
        return {**self.account, "states": self.states, "differences": [*self.differences]}


def path_of(subject: str, id_: str, at: datetime) -> str:
    """Where audit answers for it."""
    return f"/accounts/{subject}/{quote(id_, safe='')}?at={quote(at.isoformat())}"


def questions(account: Json) -> dict[str, Json]:
    """Service → the body of its `POST /ops/as-of`."""
    keys: dict[str, list[Json]] = {}
    for one in account["keys"]:
        keys.setdefault(one["service"], []).append({"stream": one["stream"], "key": one["key"]})
    return {service: {"at": account["at"], "keys": wanted} for service, wanted in sorted(keys.items())}


def told(account: Json, answers: Mapping[str, Json]) -> Told:
    """`answers`: what each service said; one that knows none of its keys answers with nothing in it."""
    states = {service: answer.get("tables", {}) for service, answer in answers.items()}
    if account["subject"] == "bill":
        states = {service: _naming(tables, account["id"]) for service, tables in states.items()}
    found = [text for service, answer in sorted(answers.items()) for text in _differences(account, service, answer)]
    return Told(account, states, found)


def _naming(tables: Mapping[str, Sequence[Json]], id_: str) -> dict[str, list[Json]]:
    """The rows that name the bill: its participant's others are of no account here."""
    found = {table: [row for row in rows if id_ in map(str, row.values())] for table, rows in tables.items()}
    return {table: rows for table, rows in found.items() if rows}


def _differences(account: Json, service: str, answer: Json) -> list[str]:
    """By event id and the hash of the payload. What the service folded and the account leaves out (a participant's other bills) is none."""
    asked = {(one["stream"], one["key"]) for one in account["keys"] if one["service"] == service}
    archived = {
        one["event_id"]: one
        for one in account["events"]
        if one["source"] == service and (one["stream"], one["key"]) in asked
    }
    own = {one["event_id"]: one for one in answer.get("events", ())}
    differences = [
        f"{service}: the archive has {one['type']} {event_id}, and its own log does not / catatan layanan tidak punya"
        for event_id, one in archived.items()
        if event_id not in own
    ]
    differences += [
        f"{service}: {one['type']} {event_id} is not the same in the archive and in its own log / isinya tidak sama"
        for event_id, one in archived.items()
        if event_id in own and own[event_id]["payload_sha256"] != one["payload_sha256"]
    ]
    if account["subject"] != "bill":
        differences += [
            f"{service}: its own log has {one['type']} {event_id}, and the archive does not, or not yet / arsip tidak atau belum punya"
            for event_id, one in own.items()
            if event_id not in archived
        ]
    return differences


def as_text(found: Told) -> str:
    """For a terminal."""
    account = found.account
    at = when(datetime.fromisoformat(account["at"]))
    lines = [f"{SUBJECTS[account['subject']]} {account['id']} pada / as of {at}", ""]
    lines += [f"PERINGATAN / WARNING  {text}" for text in found.differences] + [""] * bool(found.differences)
    lines += [_line(one) for one in account["events"]]
    if account["related"]:
        lines += ["", "dari rangkaian yang sama / of the same chains:", *(_line(one) for one in account["related"])]
    lines += ["… dan lainnya / and others"] * bool(account["more_related"])
    for service, tables in found.states.items():
        for table, rows in tables.items():
            lines += ["", f"{TABLES.get(service, {}).get(table, table)} ({service} {table})"]
            for row in rows[:MOST_ROWS_TOLD]:
                lines += [f"  {_named(name)}: {value}" for name, value in row.items() if value is not None]
                lines.append("")
            left = len(rows) - MOST_ROWS_TOLD
            lines += [f"  … {left} lagi / more"] * (left > 0)
    return "\n".join(lines).rstrip()


def _line(one: Json) -> str:
    changed = "" if one["intact"] else "  DIUBAH / CHANGED BY HAND"
    what = f"{EVENTS.get(one['type'], one['type'])} ({one['type']})"
    who = f"oleh / by {one['actor']}  aturan / rules {one['rules']}"
    at = when(datetime.fromisoformat(one["recorded_at"]))
    return f"{at}  {what}  {one['stream']}/{one['key']} {one['seq']}  {who}  {one['event_id']}{changed}"


def _named(name: str) -> str:
    return f"{WORDS[name]} ({name})" if name in WORDS else name
