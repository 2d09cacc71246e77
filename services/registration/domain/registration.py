"""Registering a person: who may, under which rules, and what the NIK already stands for.

One person is one NIK, whichever door the form comes through. A registration gives no protection by itself (domain.md
section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.problems import ProblemType, Rejected
from contracts.events.participants import Consent, Entry, ParticipantRegistered, Person, Standing
from contracts.sealed import Sealed
from contracts.values import BranchId, ParticipantId, Rupiah, WadahId
from services.registration.domain.agent import Agent, AgentStatus
from services.registration.domain.calendar import day_ends_at, wib_date
from services.registration.domain.form import Checked, Form, check
from services.registration.domain.outreach import Outreach, unlinkable
from services.registration.domain.parameters import REGISTRATION, RegistrationRules, in_force
from services.registration.domain.participant import Participant
from services.registration.domain.protection import standing_at
from services.registration.domain.wadah import Wadah
from services.registration.problems import (
    AGENT_NOT_ACTIVE,
    AGENT_OF_OTHER_WADAH,
    AGENT_PARTICIPATION_ENDED,
    AGREEMENT_NOT_IN_FORCE,
    NIK_REGISTERED,
    REACTIVATION_OFFERED,
    REGISTRATION_NOT_POSSIBLE,
)

AGENT_IN_GRACE = "agent_in_grace"
_MAY_REGISTER = (Standing.ACTIVE, Standing.GRACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtWork:
    """An agent with what permits the work: the agreement, and the agent's own participation."""

    agent: Agent
    wadah: Wadah
    own: Participant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Registrar:
    """Who brings the form: an agent with the Wadah, a branch officer, or the person (`work` is None for both)."""

    actor: str
    branch_id: BranchId
    channel: str
    """Where consent was taken: "agent", "branch", "self" or "import"."""
    entry: Entry
    work: AtWork | None
    wadah_claimed: WadahId | None = None
    """The Wadah that the agent's token names."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The registrar may register now; `warnings` are codes."""

    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Holder:
    """The registration that holds a NIK, with the person as far as not forgotten."""

    participant: Participant
    person: Person | None


@dataclass(frozen=True, slots=True)
class NewNumbers:
    """What a registration is given: its id, its contribution code, and the keyed hash of the NIK."""

    participant_id: ParticipantId
    contribution_code: str
    nik_hash: str
    once_forgotten: bool = False
    """The NIK is that of a person who was erased: nobody acquires it again (domain.md section 4)."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same registrar brought the same form while it is unpaid: the first result stands."""

    participant: Participant
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Registered:
    event: ParticipantRegistered
    warnings: tuple[str, ...]


def admit(registrar: Registrar, *, now: datetime) -> Admission | Rejected:
    """Whether the registrar may register people at `now`.

    An agent: ACTIVE, of the Wadah in the token, agreement in force, own participation not ended; in GRACE a warning
    (Perban 1/2023 Art. 7;
    domain.md section 2). Branch officers and the person need nothing more than their role.
    """
    work, rules = registrar.work, in_force(REGISTRATION, wib_date(now))
    if work is None:
        return Admission()
    if registrar.wadah_claimed is not None and registrar.wadah_claimed != work.agent.wadah_id:
        return _not_admitted(AGENT_OF_OTHER_WADAH, rules)
    if work.agent.status is not AgentStatus.ACTIVE:
        return _not_admitted(AGENT_NOT_ACTIVE, rules)
    if not work.wadah.in_force_on(wib_date(now)):
        return _not_admitted(AGREEMENT_NOT_IN_FORCE, rules)
    standing = standing_at(work.own, now) if work.own else Standing.EXPIRED
    if standing not in _MAY_REGISTER:
        return _not_admitted(AGENT_PARTICIPATION_ENDED, rules)
    return Admission((AGENT_IN_GRACE,) if standing is Standing.GRACE else ())


def register(
    form: Form,
    registrar: Registrar,
    *,
    holder: Holder | None,
    outreach: Outreach | None,
    new: NewNumbers,
    now: datetime,
) -> Registered | Repeated | Rejected:
    """T1: the form against the registrar's standing, the rules of the day, the session it names, and who holds the NIK.

    `holder` is the registration that holds the NIK now; one that expired unpaid holds nothing and is as if unknown.
    """
    rules = in_force(REGISTRATION, wib_date(now))
    admission = admit(registrar, now=now)
    if isinstance(admission, Rejected):
        return admission
    checked = check(form, today=wib_date(now), rules=rules)
    if isinstance(checked, Rejected):
        return checked
    if unlinked := _unlinkable(form, registrar, outreach, rules, now):
        return unlinked
    warnings = (*checked.warnings, *admission.warnings)
    if holder is not None:
        return _taken(checked, registrar, holder, warnings, now)
    return Registered(_event(checked, registrar, new, rules, now), warnings)


def _not_admitted(problem: ProblemType, rules: RegistrationRules) -> Rejected:
    return Rejected(problem, None, {}, rules.version)


def _unlinkable(
    form: Form, registrar: Registrar, outreach: Outreach | None, rules: RegistrationRules, now: datetime
) -> Rejected | None:
    if form.outreach_id is None:
        return None
    wadah_id = registrar.work.agent.wadah_id if registrar.work else None
    return unlinkable(outreach, branch_id=registrar.branch_id, wadah_id=wadah_id, today=wib_date(now), rules=rules)


def _taken(
    checked: Checked, registrar: Registrar, holder: Holder, warnings: tuple[str, ...], now: datetime
) -> Repeated | Rejected:
    """The table of duplicates in domain.md section 4. Nothing of the other registration is shown."""
    match standing_at(holder.participant, now):
        case Standing.LAPSED | Standing.INACTIVE:
            return Rejected(REACTIVATION_OFFERED, "nik")
        case Standing.CLOSED:
            return Rejected(REGISTRATION_NOT_POSSIBLE, "nik")
        case Standing.REGISTERED if _same_form(checked, registrar, holder):
            return Repeated(holder.participant, warnings)
        case _:
            return Rejected(NIK_REGISTERED, "nik")


def _same_form(checked: Checked, registrar: Registrar, holder: Holder) -> bool:
    """Same registrar, same data: everything but when and by which door consent was taken."""
    form, known, person = checked.form, holder.participant, holder.person
    agent_id = registrar.work.agent.agent_id if registrar.work else None
    same_registrar = known.agent_id == agent_id and (agent_id is not None or known.registered_by == registrar.actor)
    return (
        same_registrar
        and known.branch_id == registrar.branch_id
        and person == _person(checked, nik_hash=known.nik_hash or "")
        and (known.occupation, known.sector, known.work_place, known.working_hours, known.income)
        == (form.occupation, form.sector, form.work_place, form.working_hours, form.income)
        and (known.employs_others, set(known.programmes), known.funding_source, known.language, known.outreach_id)
        == (form.employs_others, set(form.programmes), form.funding_source, form.language, form.outreach_id)
        and known.consent.text_version == checked.consent_text_version
    )


def _event(
    checked: Checked, registrar: Registrar, new: NewNumbers, rules: RegistrationRules, now: datetime
) -> ParticipantRegistered:
    form, today = checked.form, wib_date(now)
    return ParticipantRegistered(
        participant_id=new.participant_id,
        contribution_code=new.contribution_code,
        entry=registrar.entry,
        registered_on=today,
        expires_at=day_ends_at(today + timedelta(days=rules.registration_ttl_days)),
        occupation=form.occupation,
        sector=form.sector,
        work_place=form.work_place,
        working_hours=form.working_hours,
        income=Rupiah(form.income),
        employs_others=form.employs_others,
        programmes=tuple(sorted(form.programmes)),
        funding_source=form.funding_source,
        language=form.language,
        # who was in BPU before still holds the NIK, and is refused or offered reactivation, or was erased
        new_to_bpu=not new.once_forgotten,
        outreach_id=form.outreach_id,
        consent=Consent(
            text_version=checked.consent_text_version,
            given_at=now,
            channel=registrar.channel,
            taken_by=registrar.actor,
        ),
        person=Sealed(new.participant_id, _person(checked, nik_hash=new.nik_hash)),
    )


def _person(checked: Checked, *, nik_hash: str) -> Person:
    form = checked.form
    return Person(
        nik=form.nik,
        nik_hash=nik_hash,
        name=form.name,
        birth_place=form.birth_place,
        birth_date=form.birth_date,
        sex=form.sex,
        phone=checked.phone,
        email=form.email,
        address=form.address,
    )
