"""Who uploaded a file: role and scope of the token, kept with the file because rows are judged later and perhaps
elsewhere.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.http import Principal
from chassis.problems import FORBIDDEN, Refusal, Rejected
from contracts.events.participants import Entry
from contracts.values import AgentId, BranchId, WadahId
from services.registration.commands.registering import Bringer

CHANNEL = "import"


class Uploader(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    actor: str
    role: Literal["agent", "officer", "coordinator"]
    branch_id: UUID | None
    wadah_id: UUID | None
    agent_id: UUID | None

    @classmethod
    def of(cls, principal: Principal) -> Uploader:
        """The one role that counts. Raises Refusal `forbidden` when the token lacks its scope."""
        if "agent" in principal.roles and principal.agent_id and principal.wadah_id:
            return cls._as(principal, "agent", wadah_id=principal.wadah_id, agent_id=principal.agent_id)
        if "officer" in principal.roles and principal.branch_id:
            return cls._as(principal, "officer", branch_id=principal.branch_id)
        if "coordinator" in principal.roles and principal.wadah_id:
            return cls._as(principal, "coordinator", wadah_id=principal.wadah_id)
        raise Refusal(Rejected(FORBIDDEN))

    @classmethod
    def _as(
        cls,
        principal: Principal,
        role: Literal["agent", "officer", "coordinator"],
        *,
        branch_id: UUID | None = None,
        wadah_id: UUID | None = None,
        agent_id: UUID | None = None,
    ) -> Uploader:
        return cls(actor=principal.subject, role=role, branch_id=branch_id, wadah_id=wadah_id, agent_id=agent_id)

    def bringer(self, agent_code: str | None) -> Bringer:
        """Who brings a row: an agent only himself, an officer or a Wadah's board whom the row names."""
        return Bringer(
            actor=self.actor,
            channel=CHANNEL,
            entry=Entry.IMPORT,
            agent_id=AgentId(self.agent_id) if self.agent_id else None,
            agent_code=agent_code,
            branch_id=BranchId(self.branch_id) if self.branch_id else None,
            wadah_id=WadahId(self.wadah_id) if self.wadah_id else None,
            agent_required=self.role == "coordinator",
        )
