"""A copy of everything held about a person, put together from each service's own part: one file for machines, one page for people.

Each service is asked under the caller's own token; nobody opens another service's seals, and nothing of it stays on a server.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from chassis.held import HeldShown, WordsShown

SERVICES: Final = ("registration", "payments", "notifications", "audit")
"""Those that hold something of people, and audit, which knows who was shown it; its copies of their events are in the parts of those."""
_UNKNOWN: Final = WordsShown(
    id="Layanan {service} tidak menyimpan data orang ini, atau belum mendengar tentangnya.",
    en="Service {service} holds nothing of this person, or has not heard of them yet.",
)


class Copy(BaseModel):
    """The machine-readable copy. `services`: each service's part; null where it knows nothing of the person. Names are never changed, only added."""

    format: Literal["perisai-export/1"] = "perisai-export/1"
    participant_id: UUID
    export_id: UUID
    due_by: datetime = Field(description="when the 3 × 24 hours end (UU 27/2022 Art. 32)")
    made_at: datetime
    services: dict[str, HeldShown | None]
    told: list[WordsShown] = Field(description="what is left out and what the law has kept, in words")


def put_together(request: Mapping[str, Any], parts: Mapping[str, Any], made_at: datetime) -> Copy:
    """`request`: what registration answered to the request; `parts`: what each service answered, empty where it knows nobody."""
    services = {name: HeldShown.model_validate(part) if part else None for name, part in parts.items()}
    told = [words for part in services.values() if part is not None for words in part.told]
    told += [_without(name) for name, part in services.items() if part is None]
    return Copy(
        participant_id=request["participant_id"],
        export_id=request["export_id"],
        due_by=request["due_by"],
        made_at=made_at,
        services=services,
        told=told,
    )


def _without(service: str) -> WordsShown:
    return WordsShown(id=_UNKNOWN.id.format(service=service), en=_UNKNOWN.en.format(service=service))


def as_json(copy: Copy) -> str:
    return copy.model_dump_json(indent=1) + "\n"


def schema() -> str:
    """The schema of the file, as it is committed (docs/export.schema.json)."""
    return json.dumps(Copy.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def write(file: Path, text: str) -> None:
    """A file that nobody else on this machine can read. Raises FileExistsError: an older copy is not written over."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(text)


if __name__ == "__main__":
    (Path(__file__).parents[1] / "docs" / "export.schema.json").write_text(schema(), encoding="utf-8")
