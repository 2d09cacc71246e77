"""What callers send: the shape of every form, in JSON and in the rows of a file. Shape only; rules are the domain's.

Unknown fields are refused. Texts lose outer blanks and are brought to Unicode NFC; they are single lines without
control characters.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, StringConstraints
from pydantic.functional_validators import BeforeValidator

from chassis.http import Day, Moment, field_fault, names_nobody
from contracts.events.agency import Audience, DepartureKind, IncentiveScheme, OutreachKind
from contracts.events.erasure import ErasureGround
from contracts.values import (
    AgentId,
    BranchId,
    FundingSource,
    Language,
    OutreachId,
    ParticipantId,
    Programme,
    Sector,
    Sex,
    WadahId,
)
from services.registration.domain.correction import Correction
from services.registration.domain.form import Form
from services.registration.domain.reassignment import MOST_PARTICIPANTS
from services.registration.domain.text import UnreadableText, one_line
from services.registration.domain.wadah import Agreement

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]{2,}\Z")


def _readable(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return one_line(value)
    except UnreadableText:
        raise field_fault(
            "bad_characters",
            id="Hapus karakter kendali atau karakter yang tidak sah.",
            en="Remove control characters and characters that are not valid Unicode.",
        ) from None


def _email(value: str) -> str:
    if not _EMAIL.match(value):
        raise field_fault(
            "email_format",
            id="Alamat surel tidak dikenali. Tulis seperti nama@contoh.id atau kosongkan.",
            en="The e-mail address is not recognised. Write it like name@example.id or leave it out.",
        )
    return value


def _each_once(values: list[ParticipantId]) -> list[ParticipantId]:
    if len(set(values)) < len(values):
        raise field_fault(
            "listed_twice",
            id="Sebut setiap peserta satu kali saja.",
            en="Name each participant once.",
        )
    return values


Line = Annotated[str, StringConstraints(min_length=1, max_length=255), BeforeValidator(_readable)]
Paragraph = Annotated[str, StringConstraints(max_length=1000), BeforeValidator(_readable)]
Words = Annotated[Paragraph, AfterValidator(names_nobody)]
"""What is told of a session: about what was asked, never about whom."""
Address = Annotated[str, StringConstraints(min_length=1, max_length=1000), BeforeValidator(_readable)]
Digits = Annotated[str, StringConstraints(min_length=1, max_length=40), BeforeValidator(_readable)]
"""A NIK or a phone number as written down; the domain says what is wrong with it."""
Email = Annotated[str, StringConstraints(max_length=254), AfterValidator(_email), BeforeValidator(_readable)]
Reason = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Whole = Annotated[int, Strict(), Field(gt=-(2**53), lt=2**53)]
Flag = Annotated[bool, Strict()]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ConsentForm(_Request):
    """`given` false, or no consent at all, is refused by the rules."""

    given: Flag
    text_version: Line


class RegistrationForm(_Request):
    """The fields of official form 1A that this platform asks; heirs come with claims."""

    nik: Digits
    name: Line
    birth_place: Line
    birth_date: date
    sex: Sex
    phone: Digits
    email: Email | None = None
    address: Address
    occupation: Line
    sector: Sector
    work_place: Line
    working_hours: Line | None = None
    income: Whole
    employs_others: Flag = False
    programmes: Annotated[list[Programme], Field(max_length=10)]
    funding_source: FundingSource = FundingSource.SELF
    language: Language = Language.INDONESIAN
    outreach_id: OutreachId | None = None
    consent: ConsentForm | None = None
    branch_id: BranchId | None = None
    """Self-service only: the branch the person registers with."""

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return []

    def to_domain(self) -> Form:
        consent = self.consent
        return Form(
            nik=self.nik,
            name=self.name,
            birth_place=self.birth_place,
            birth_date=self.birth_date,
            sex=self.sex,
            phone=self.phone,
            email=self.email,
            address=self.address,
            occupation=self.occupation,
            sector=self.sector,
            work_place=self.work_place,
            working_hours=self.working_hours,
            income=self.income,
            employs_others=self.employs_others,
            programmes=tuple(self.programmes),
            funding_source=self.funding_source,
            language=self.language,
            consent_text_version=consent.text_version if consent and consent.given else None,
            outreach_id=self.outreach_id,
        )


class BranchForm(_Request):
    code: Line
    name: Line
    city: Line
    time_zone: Line = "Asia/Jakarta"


class AgreementForm(_Request):
    agreement_number: Line
    scheme: IncentiveScheme = IncentiveScheme.NEW
    term_from: Day
    term_to: Day
    monthly_target: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None
    """Acquisitions of all its agents in a calendar month, at least."""

    def agreement(self) -> Agreement:
        return Agreement(
            number=self.agreement_number,
            scheme=self.scheme,
            term_from=self.term_from,
            term_to=self.term_to,
            monthly_target=self.monthly_target,
        )


class WadahForm(AgreementForm):
    """The organisation with its first agreement."""

    name: Line


class WadahEndForm(_Request):
    ended_on: Day
    reason: Reason


class AgentForm(_Request):
    participant_id: ParticipantId
    name: Line
    phone: Digits

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return []


class CertificationForm(_Request):
    certificate_number: Line
    certified_on: Day


class SuspensionForm(_Request):
    reason: Reason


class DepartureForm(_Request):
    kind: DepartureKind
    reason: Reason


class RefusalForm(_Request):
    reason: Reason


class ReassignmentForm(_Request):
    """Participants of one branch, each once; without `agent_id` the branch takes them over."""

    participants: Annotated[
        list[ParticipantId], Field(min_length=1, max_length=MOST_PARTICIPANTS), AfterValidator(_each_once)
    ]
    agent_id: AgentId | None = None
    reason: Reason


class OutreachForm(_Request):
    wadah_id: WadahId
    kind: OutreachKind = OutreachKind.AGENT
    place: Line
    starts_at: Moment
    ends_at: Moment
    audience: Annotated[list[Audience], Field(min_length=1, max_length=3)]
    agents: Annotated[list[AgentId], Field(min_length=1, max_length=100)]
    officers: Annotated[list[Line], Field(max_length=100)] = []


class JoinForm(_Request):
    officers: Annotated[list[Line], Field(max_length=100)]


class HeldForm(_Request):
    head_count: Annotated[int, Strict(), Field(ge=0, lt=1_000_000)]
    questions: Words = ""


class CancellationForm(_Request):
    reason: Words


class CorrectionForm(_Request):
    """What is left out stays as it was."""

    occupation: Line | None = None
    sector: Sector | None = None
    income: Whole | None = None
    employs_others: Flag | None = None
    programmes: Annotated[list[Programme], Field(max_length=10)] | None = None
    funding_source: FundingSource | None = None

    def to_domain(self) -> Correction:
        return Correction(
            occupation=self.occupation,
            sector=self.sector,
            income=self.income,
            employs_others=self.employs_others,
            programmes=None if self.programmes is None else tuple(self.programmes),
            funding_source=self.funding_source,
        )


class ClosureForm(_Request):
    died_on: date


class ErasureForm(_Request):
    ground: ErasureGround


class NikForm(_Request):
    nik: Digits

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return []
