"""The registration form (official form 1A, shortened): what is asked, and which rules it must meet on the day.

Conditions of entry are a NIK and an activity that earns money, nothing else (Permenaker 5/2021 Art. 31–32).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from chassis.problems import FieldError, ProblemType, Rejected
from contracts.values import FundingSource, Language, OutreachId, Programme, Sector, Sex
from services.registration.domain import nik as niks
from services.registration.domain import phone as phones
from services.registration.domain.calendar import completed_years
from services.registration.domain.parameters import RegistrationRules
from services.registration.problems import (
    BIRTH_DATE_FUTURE,
    CONSENT_MISSING,
    ENTRY_AGE_BELOW,
    ENTRY_AGE_EXCEEDED,
    INCOME_NOT_POSITIVE,
    JHT_COMPULSORY,
    PROGRAMMES_BUNDLE,
    field_error,
)

BUNDLE = frozenset({Programme.JKK, Programme.JKM})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Form:
    """One person's form as typed in; `consent_text_version` is None when no consent was given."""

    nik: str
    name: str
    birth_place: str
    birth_date: date
    sex: Sex
    phone: str
    email: str | None
    address: str
    occupation: str
    sector: Sector
    work_place: str
    working_hours: str | None
    income: int
    employs_others: bool
    programmes: tuple[Programme, ...]
    funding_source: FundingSource
    language: Language
    consent_text_version: str | None
    outreach_id: OutreachId | None


@dataclass(frozen=True, slots=True, repr=False)
class Checked:
    """A form that meets every rule, its phone in E.164; `warnings` are codes of what is odd but lawful."""

    form: Form
    phone: str
    consent_text_version: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Broken:
    problem: ProblemType
    field: str
    values: tuple[tuple[str, str], ...] = ()


def check(form: Form, *, today: date, rules: RegistrationRules) -> Checked | Rejected:
    """The form against the rules of `today` (WIB); a refusal is of its first broken rule and lists all of them."""
    phone = phones.normalise(form.phone)
    broken = [*_broken(form, today, rules)]
    if isinstance(phone, ProblemType):
        broken.append(_Broken(phone, "phone"))
    if broken or isinstance(phone, ProblemType) or form.consent_text_version is None:
        return _refusal(broken, rules)
    warnings = tuple(niks.warnings(form.nik, birth_date=form.birth_date, sex=form.sex))
    return Checked(form, phone, form.consent_text_version, warnings)


def age_fault(birth_date: date, on: date, rules: RegistrationRules) -> ProblemType | None:
    """Entry age in completed years: 18 to 65, both inclusive (Perdir 22/2022; borders are ours)."""
    if birth_date > on:
        return BIRTH_DATE_FUTURE
    age = completed_years(birth_date, on)
    if age < rules.entry_age_min:
        return ENTRY_AGE_BELOW
    return ENTRY_AGE_EXCEEDED if age > rules.entry_age_max else None


def programmes_fault(programmes: tuple[Programme, ...], *, employs_others: bool) -> ProblemType | None:
    """JKK and JKM are one mandatory bundle; JHT is optional, compulsory for who employs others (Permenaker 5/2021
    Art. 31–32).
    """
    chosen = set(programmes)
    if len(chosen) != len(programmes) or not chosen >= BUNDLE:
        return PROGRAMMES_BUNDLE
    return JHT_COMPULSORY if employs_others and Programme.JHT not in chosen else None


def _broken(form: Form, today: date, rules: RegistrationRules) -> Iterator[_Broken]:
    if problem := niks.fault(form.nik):
        yield _Broken(problem, "nik")
    if problem := age_fault(form.birth_date, today, rules):
        ages = (("min", str(rules.entry_age_min)), ("max", str(rules.entry_age_max)))
        yield _Broken(problem, "birth_date", ages)
    if form.income <= 0:
        yield _Broken(INCOME_NOT_POSITIVE, "income")
    if problem := programmes_fault(form.programmes, employs_others=form.employs_others):
        yield _Broken(problem, "programmes")
    if form.consent_text_version is None:
        yield _Broken(CONSENT_MISSING, "consent")


def _refusal(broken: list[_Broken], rules: RegistrationRules) -> Rejected:
    first = broken[0]
    errors: tuple[FieldError, ...] = tuple(field_error(b.problem, b.field, **dict(b.values)) for b in broken)
    return Rejected(first.problem, first.field, dict(first.values), rules.version, errors if len(errors) > 1 else ())
