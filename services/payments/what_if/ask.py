"""One question from its beginning to its end: what may be asked, the state as the archive has it, everybody's answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.crosscheck import Feed, FromArchive, Ready, Tally
from chassis.privacy.vault import Vault
from chassis.problems import FieldError
from chassis.replay import NotFolded, rebuilt
from chassis.service import Service
from contracts.values import ContributionMonth
from services.payments.parameters import Parameters
from services.payments.what_if import contributions, incentives
from services.payments.what_if.answers import Answer
from services.payments.what_if.supposing import Supposed, Unanswerable


class Subject(StrEnum):
    """Of what."""

    INCENTIVES = "incentives"
    CONTRIBUTIONS = "contributions"


KINDS = {Subject.INCENTIVES: incentives.KINDS, Subject.CONTRIBUTIONS: contributions.KINDS}
"""The parameters that have a bearing on each."""


@dataclass(frozen=True, slots=True)
class Question:
    """`until`: as known then, by the wall clock; None: as known now."""

    subject: Subject
    month: ContributionMonth
    supposed: Supposed
    until: datetime | None = None


class NotWhole(Exception):
    """The archive and the log do not agree, so no sum can be trusted; in words, in both languages."""


def check(question: Question, *, now: datetime, wall: datetime) -> None:
    """Before anything is read. `now`: business time. Raises Unanswerable."""
    if question.until is not None and question.until > wall:
        raise Unanswerable(_TO_COME)
    if question.month.ends_at > now:
        raise Unanswerable(_not_over(question.month))


@asynccontextmanager
async def answered(
    question: Question,
    service: Service,
    engine: AsyncEngine,
    vault: Vault,
    *,
    feed: Feed,
    ready: Ready,
    progress: Callable[[int], None] = lambda events: None,
) -> AsyncIterator[AsyncIterator[Answer]]:
    """Everybody's answer, in a fixed order. Raises Unanswerable, NotWhole, and what `rebuilt` and the feed raise."""
    bases, project = contributions.Bases(question.month), service.projection
    if question.subject is Subject.CONTRIBUTIONS:
        service = replace(service, projection=lambda own: bases.beside(project(own)))
    source = FromArchive(service, engine, feed, ready=ready, until=question.until)
    try:
        async with rebuilt(service, engine, vault, source=source, progress=progress) as conn:
            if not source.tally.equal:
                raise NotWhole(_not_whole(service.name, source.tally))
            yield _answers(conn, question, bases)
    except NotFolded as error:
        raise NotWhole(_not_whole(service.name, source.tally) if not source.tally.equal else str(error)) from None


async def _answers(conn: AsyncConnection, question: Question, bases: contributions.Bases) -> AsyncIterator[Answer]:
    sets = await Parameters(ttl_s=0).sets(conn)
    match question.subject:
        case Subject.INCENTIVES:
            found = incentives.incentives(conn, question.month, sets, question.supposed)
        case Subject.CONTRIBUTIONS:
            found = contributions.contributions(conn, question.month, sets, question.supposed, bases.of)
        case _:
            assert_never(question.subject)
    async for one in found:
        yield one


def _not_whole(service: str, tally: Tally) -> str:
    if tally.begins_late:
        return (
            f"arsip mulai terlambat: catatan {service} mulai {tally.log_begins}, arsipnya {tally.archive_begins or 'kosong'}"
            f" / the archive begins late: the log of {service} begins {tally.log_begins}, its archive {tally.archive_begins or 'is empty'}"
        )
    first = tally.named[0]
    return (
        f"arsip dan catatan {service} berbeda pada {tally.discrepancies} kejadian, yang pertama {first.event_id} ({first.kind})"
        f" / archive and log of {service} differ on {tally.discrepancies} events, the first of them {first.event_id} ({first.kind})"
    )


def _not_over(month: ContributionMonth) -> FieldError:
    return FieldError(
        "--month",
        "month_not_over",
        f"Bulan {month} belum selesai; tanyakan sesudah bulan itu berakhir.",
        f"{month} is not over; ask after its end.",
    )


_TO_COME = FieldError(
    "--until",
    "time_to_come",
    "Waktu itu belum tiba. Tulis waktu yang sudah lewat.",
    "That time has not come yet. Write one that is past.",
)
