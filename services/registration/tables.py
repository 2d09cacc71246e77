"""State: agency (branches, Wadah, agents, outreach) and participants, each table a fold of the events its comment
names.

`participants` names nobody; `people` holds who they are, every cell encrypted. Plumbing, neither state nor replayed:
`imports`,
`import_parts`, `import_results`.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID

metadata = sa.MetaData()
_INSTANT = sa.TIMESTAMP(timezone=True)

branches = sa.Table(
    "branches",
    metadata,
    sa.Column("branch_id", UUID, primary_key=True),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("city", sa.Text, nullable=False),
    sa.Column("time_zone", sa.Text, nullable=False),
    sa.Index("branches_code", "code", unique=True),
    comment="BranchOpened",
)

wadah = sa.Table(
    "wadah",
    metadata,
    sa.Column("wadah_id", UUID, primary_key=True),
    sa.Column("branch_id", UUID, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("agreements", JSONB, nullable=False, comment="every agreement with its term, the first one first"),
    comment="WadahEngaged, AgreementRenewed, AgreementRenewalFellDue, WadahEnded",
)

agreement_numbers = sa.Table(
    "agreement_numbers",
    metadata,
    sa.Column("branch_id", UUID, primary_key=True),
    sa.Column("number", sa.Text, primary_key=True, comment="once per branch"),
    sa.Column("wadah_id", UUID, nullable=False),
    comment="WadahEngaged, AgreementRenewed; insert-only",
)

agents = sa.Table(
    "agents",
    metadata,
    sa.Column("agent_id", UUID, primary_key=True),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("wadah_id", UUID, nullable=False),
    sa.Column("branch_id", UUID, nullable=False),
    sa.Column("participant_id", UUID, nullable=False, comment="the agent's own participation"),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("certificate_number", sa.Text),
    sa.Column("certified_on", sa.Date),
    sa.Column("certified_by", sa.Text, comment="token subject; whoever activates is somebody else"),
    sa.Column("activated_on", sa.Date),
    sa.Column("departure", JSONB, comment="kind, reason and proposer of a departure that nobody has decided"),
    sa.Column("left_on", sa.Date, comment="WIB day on which the agent was dropped or dismissed"),
    sa.Column("name", sa.LargeBinary, comment="encrypted; null once the person is forgotten"),
    sa.Column("phone", sa.LargeBinary, comment="encrypted; null once the person is forgotten"),
    sa.Index("agents_code", "code", unique=True),
    sa.Index("agents_participant", "participant_id", unique=True),
    sa.Index("agents_of_wadah", "wadah_id", "agent_id"),
    sa.Index("agents_of_branch", "branch_id", "agent_id"),
    sa.Index("agents_left", "left_on", postgresql_where=sa.text("left_on IS NOT NULL")),
    comment="AgentProposed, AgentCertified, AgentActivated, AgentSuspended, AgentReinstated, AgentDepartureProposed, "
    "AgentDepartureRefused, AgentDropped, AgentDismissed, AgentForgotten",
)

reassignments = sa.Table(
    "reassignments",
    metadata,
    sa.Column("reassignment_id", UUID, primary_key=True),
    sa.Column("branch_id", UUID, nullable=False),
    sa.Column("participants", JSONB, nullable=False, comment="participant ids"),
    sa.Column("agent_id", UUID, comment="who is to look after them; null: the branch"),
    sa.Column("wadah_id", UUID),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("proposed_by", sa.Text, nullable=False, comment="token subject; whoever decides is somebody else"),
    sa.Column("proposed_at", _INSTANT, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("decided_by", sa.Text),
    sa.Column("decision", sa.Text, comment="why it was refused"),
    sa.Column("from_month", sa.Text, comment="the first contribution month of the new manager"),
    sa.Index("reassignments_of_branch", "branch_id", "reassignment_id"),
    comment="ReassignmentProposed, ReassignmentApproved, ReassignmentRefused",
)

outreach = sa.Table(
    "outreach",
    metadata,
    sa.Column("outreach_id", UUID, primary_key=True),
    sa.Column("branch_id", UUID, nullable=False),
    sa.Column("wadah_id", UUID, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("starts_at", _INSTANT, nullable=False),
    sa.Column("ends_at", _INSTANT, nullable=False),
    sa.Column("audience", JSONB, nullable=False),
    sa.Column("agents", JSONB, nullable=False, comment="agent ids"),
    sa.Column("officers", JSONB, nullable=False, comment="token subjects"),
    sa.Column("head_count", sa.Integer),
    sa.Column("questions", sa.Text),
    sa.Index("outreach_of_wadah", "wadah_id", "outreach_id"),
    sa.Index("outreach_of_branch", "branch_id", "outreach_id"),
    comment="OutreachPlanned, OutreachJoined, OutreachHeld, OutreachCancelled",
)

participants = sa.Table(
    "participants",
    metadata,
    sa.Column("participant_id", UUID, primary_key=True),
    sa.Column("contribution_code", sa.Text, nullable=False),
    sa.Column("kpj", sa.Text, comment="from the first payment on"),
    sa.Column("nik_hash", sa.Text, comment="keyed hash; null once the person is forgotten"),
    sa.Column(
        "holds_nik",
        sa.Boolean,
        nullable=False,
        comment="false after an unpaid registration expired, and of a forgotten person",
    ),
    sa.Column("standing", sa.Text, nullable=False),
    sa.Column("branch_id", UUID),
    sa.Column("wadah_id", UUID),
    sa.Column("agent_id", UUID, comment="the manager; null when the branch is"),
    sa.Column("entry", sa.Text, nullable=False),
    sa.Column("registered_at", _INSTANT, nullable=False),
    sa.Column("registered_on", sa.Date, nullable=False),
    sa.Column("registered_by", sa.Text, nullable=False, comment="token subject"),
    sa.Column("expires_at", _INSTANT, nullable=False),
    sa.Column("occupation", sa.Text, nullable=False),
    sa.Column("sector", sa.Text, nullable=False),
    sa.Column("work_place", sa.Text, nullable=False),
    sa.Column("working_hours", sa.Text),
    sa.Column("income", sa.BigInteger, nullable=False),
    sa.Column("employs_others", sa.Boolean, nullable=False),
    sa.Column("programmes", sa.Text, nullable=False, comment="joined by comma"),
    sa.Column("funding_source", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("new_to_bpu", sa.Boolean, nullable=False),
    sa.Column("outreach_id", UUID),
    sa.Column("consent_text_version", sa.Text, nullable=False),
    sa.Column("consent_given_at", _INSTANT, nullable=False),
    sa.Column("consent_channel", sa.Text, nullable=False),
    sa.Column("consent_taken_by", sa.Text, nullable=False),
    sa.Column("spells", JSONB, nullable=False, comment="every spell with its payments, oldest first"),
    sa.Column("paid_through", sa.Text, comment="last paid month of the latest spell, YYYY-MM"),
    sa.Column("due_at", _INSTANT, comment="when the calendar next changes the standing; null when only a payment can"),
    sa.Column("unreachable", sa.Boolean, nullable=False, comment="the last message that was settled failed"),
    sa.Column("forgotten", sa.Boolean, nullable=False, comment="the person was erased"),
    sa.Index("participants_nik", "nik_hash", unique=True, postgresql_where=sa.text("holds_nik")),
    sa.Index("participants_code", "contribution_code", unique=True),
    sa.Index("participants_kpj", "kpj", unique=True),
    sa.Index("participants_due", "due_at", postgresql_where=sa.text("due_at IS NOT NULL")),
    sa.Index("participants_of_agent", "agent_id", "participant_id"),
    sa.Index("participants_of_branch", "branch_id", "participant_id"),
    sa.Index("participants_of_wadah", "wadah_id", "standing"),
    sa.Index("participants_forgotten", "participant_id", postgresql_where=sa.text("forgotten")),
    comment="ParticipantRegistered, ParticipantCorrected, ParticipantReassigned, RegistrationExpired, ProtectionStarted, ProtectionExtended, "
    "ProtectionCorrected, GraceEntered, ParticipationLapsed, ParticipationClosed, ParticipantUnreachable, "
    "ParticipantReachable, ParticipantForgotten",
)

PERSONAL_COLUMNS = ("nik", "name", "birth_place", "birth_date", "sex", "phone", "email", "address")

people = sa.Table(
    "people",
    metadata,
    sa.Column("participant_id", UUID, primary_key=True),
    *(sa.Column(name, sa.LargeBinary, comment="encrypted") for name in PERSONAL_COLUMNS),
    comment="ParticipantRegistered, ParticipantForgotten; a forgotten person has no row",
)

forgotten_niks = sa.Table(
    "forgotten_niks",
    metadata,
    sa.Column("nik_hash", sa.Text, primary_key=True, comment="keyed hash: whoever has this NIK is acquired no more"),
    comment="ParticipantForgotten; insert-only",
)

erasures = sa.Table(
    "erasures",
    metadata,
    sa.Column("participant_id", UUID, primary_key=True),
    sa.Column("erasure_id", UUID, nullable=False, comment="of the last request"),
    sa.Column("ground", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("branch_id", UUID),
    sa.Column("requested_by", sa.Text, nullable=False, comment="token subject"),
    sa.Column("requested_at", _INSTANT, nullable=False),
    sa.Column("decided_at", _INSTANT),
    sa.Column("obstacles", JSONB, nullable=False, comment="why it was refused"),
    sa.Column("retained_until", sa.Date, comment="WIB day from which on retention is no obstacle"),
    sa.Column(
        "copy_owed", sa.Boolean, nullable=False, server_default=sa.false(), comment="it was refused for that, too"
    ),
    sa.Index("erasures_open", "requested_at", postgresql_where=sa.text("decided_at IS NULL")),
    comment="ErasureRequested, ErasureRefused, ErasureCleared, ParticipantForgotten",
)

exports = sa.Table(
    "exports",
    metadata,
    sa.Column("participant_id", UUID, primary_key=True),
    sa.Column("export_id", UUID, nullable=False, comment="of the last request"),
    sa.Column("requested_by", sa.Text, nullable=False, comment="token subject"),
    sa.Column("requested_at", _INSTANT, nullable=False),
    sa.Column("given_by", sa.Text, comment="token subject"),
    sa.Column("given_at", _INSTANT, comment="null while the copy is owed"),
    sa.Index("exports_open", "requested_at", postgresql_where=sa.text("given_at IS NULL")),
    comment="ExportRequested, ExportGiven",
)

STATE = (
    branches,
    wadah,
    agreement_numbers,
    agents,
    reassignments,
    outreach,
    participants,
    people,
    forgotten_niks,
    erasures,
    exports,
)
PERSONAL = {"agents": ("name", "phone"), "people": PERSONAL_COLUMNS}

imports = sa.Table(
    "imports",
    metadata,
    sa.Column("import_id", UUID, primary_key=True),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("content_hash", sa.LargeBinary, nullable=False, comment="SHA-256 of the uploaded bytes"),
    sa.Column("form", sa.Text, nullable=False, comment="csv or xlsx"),
    sa.Column("uploader", JSONB, nullable=False, comment="role and scope of the token: what the rows are judged by"),
    sa.Column("branch_id", UUID, nullable=False),
    sa.Column("wadah_id", UUID),
    sa.Column("agent_id", UUID),
    sa.Column("correlation_id", UUID, nullable=False),
    sa.Column("traceparent", sa.Text),
    sa.Column("status", sa.Text, nullable=False, comment="QUEUED, RUNNING, DONE or REFUSED"),
    sa.Column("fault", JSONB, comment="problem details of a file refused as a whole"),
    sa.Column("rows", sa.BigInteger, nullable=False, comment="as counted at upload; exact when DONE"),
    sa.Column("line", sa.BigInteger, nullable=False, comment="every row up to this line has its result"),
    sa.Column("accepted", sa.BigInteger, nullable=False),
    sa.Column("refused", sa.BigInteger, nullable=False),
    sa.Column("blank", sa.BigInteger, comment="blank lines of the file; known when DONE"),
    sa.Column("uploaded_at", _INSTANT, nullable=False),
    sa.Column("finished_at", _INSTANT),
    sa.Column("lease_token", UUID),
    sa.Column("lease_until", _INSTANT, comment="wall time; afterwards another worker may go on"),
    sa.Index("imports_once", "actor", "content_hash", unique=True),
    sa.Index("imports_open", "import_id", postgresql_where=sa.text("finished_at IS NULL")),
    sa.Index("imports_of_branch", "branch_id", "import_id"),
    comment="Plumbing: an uploaded table and how far it was worked off",
)

import_parts = sa.Table(
    "import_parts",
    metadata,
    sa.Column("import_id", UUID, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("box", sa.LargeBinary, nullable=False, comment="AES-256-GCM; deleted with the last chunk"),
    comment="Plumbing: the uploaded bytes, encrypted",
)

import_results = sa.Table(
    "import_results",
    metadata,
    sa.Column("import_id", UUID, primary_key=True),
    sa.Column("line", sa.BigInteger, primary_key=True),
    sa.Column("outcome", sa.Text, nullable=False, comment="accepted or refused"),
    sa.Column("code", sa.Text, comment="why it was refused, or registered_before"),
    sa.Column("column", sa.Text),
    sa.Column("remedy_id", sa.Text),
    sa.Column("remedy_en", sa.Text),
    sa.Column("participant_id", UUID),
    sa.Column("contribution_code", sa.Text),
    sa.Column("warnings", JSONB, nullable=False),
    sa.Column("nik_hash", sa.Text, comment="keyed hash of an accepted row: finds its doubles further down"),
    sa.Index("import_results_nik", "import_id", "nik_hash", postgresql_where=sa.text("nik_hash IS NOT NULL")),
    comment="Plumbing: one result per row of a file, without personal data",
)
