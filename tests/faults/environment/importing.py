"""A file of people, uploaded by an agent as on the outreach day. Its rows are accepted or refused one by one; the checker counts them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from tests.faults.ground import Ground

COLUMNS = (
    *("nik", "name", "birth_place", "birth_date", "sex", "phone", "address", "occupation", "sector", "work_place"),
    *("income", "programmes", "consent", "consent_text_version"),
)


def as_csv(people: Sequence[Mapping[str, Any]]) -> bytes:
    """Forms of the HTTP door as rows of a file."""
    text = io.StringIO()
    rows = csv.DictWriter(text, COLUMNS, extrasaction="ignore")
    rows.writeheader()
    for form in people:
        consent = {"consent": "ya", "consent_text_version": form["consent"]["text_version"]}
        rows.writerow({**form, **consent, "programmes": " ".join(form["programmes"])})
    return text.getvalue().encode()


async def upload(ground: Ground, people: Sequence[Mapping[str, Any]]) -> str:
    """Gives the id of the import, which goes on by itself."""
    town = ground.estate.town
    started = await town.doors.post(
        "registration",
        "/imports",
        town.cast.agents[0],
        key=f"file-{ground.random.getrandbits(64):x}",
        content=as_csv(people),
        headers={"Content-Type": "text/csv"},
    )
    return str(started["import_id"])
