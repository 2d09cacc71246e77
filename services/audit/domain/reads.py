"""A read of personal data in words, as an auditor is told it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

from contracts.reads import PersonalDataRead
from contracts.values import WIB

TYPE: Final = PersonalDataRead.type


@dataclass(frozen=True, slots=True)
class Told:
    """One answer that showed personal data. `persons` and `things`: how many were shown in it; `kinds`: what of them, as `table: fields`."""

    event_id: UUID
    at: datetime
    service: str
    actor: str
    roles: tuple[str, ...]
    door: str
    kinds: tuple[str, ...]
    persons: int
    things: int
    correlation_id: UUID

    @classmethod
    def of(cls, row: Mapping[Any, Any], payload: Mapping[str, Any], *, participant: UUID | None) -> Self:
        """`row`: of the archive; `payload`: as it was recorded. Of a `participant` only what was shown of him is named."""
        parts = [part for part in payload.get("opened") or () if isinstance(part, dict)]
        his = [part for part in parts if participant is None or str(participant) in (part.get("persons") or ())]
        return cls(
            event_id=row["event_id"],
            at=row["recorded_at"],
            service=row["source"],
            actor=row["actor"],
            roles=tuple(payload.get("roles") or ()),
            door=str(payload.get("door", "?")),
            kinds=tuple(f"{part.get('kind')}: {', '.join(part.get('fields') or ())}" for part in his),
            persons=len({one for part in parts for one in part.get("persons") or ()}),
            things=sum(len(part.get("things") or ()) for part in parts),
            correlation_id=row["correlation_id"],
        )

    def as_json(self) -> dict[str, Any]:
        ids = {"event_id": str(self.event_id), "correlation_id": str(self.correlation_id)}
        plain = {name: getattr(self, name) for name in ("service", "actor", "door", "persons", "things")}
        return {**ids, "at": self.at.isoformat(), **plain, "roles": [*self.roles], "kinds": [*self.kinds]}

    def __str__(self) -> str:
        as_whom = f" ({', '.join(self.roles)})" if self.roles else ""
        at = f"{self.at.astimezone(WIB):%Y-%m-%d %H:%M:%S} WIB"
        many = f"{self.persons} people / orang" if self.persons else f"{self.things} things / hal"
        return "\n".join(
            [
                f"{at}  {self.actor}{as_whom}  {self.service} {self.door}  {many}",
                *(f"    {kind}" for kind in self.kinds),
                f"    event {self.event_id}, correlation {self.correlation_id}",
            ]
        )
