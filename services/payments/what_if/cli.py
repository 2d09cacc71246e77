"""`perisai payments what-if …`: called by `perisai audit what-if` and fed with the archive, as the commands under `fed` are (see `chassis.fed`).

Before the feed, or after it, one line may say `refused`, with faults of the question; then nothing follows. Else the answers come in lines of
`rows`, and last `outcome`.
"""

from __future__ import annotations

import json
import sys
from base64 import urlsafe_b64decode
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

import typer
import uvloop

from chassis import fed
from chassis.moments import moment
from chassis.problems import FieldError
from chassis.service import Service
from contracts.values import ContributionMonth
from services.payments.app import SERVICE
from services.payments.what_if.answers import Answer, Totals
from services.payments.what_if.ask import KINDS, NotWhole, Question, Subject, answered, check
from services.payments.what_if.supposing import Supposed, Unanswerable, supposed

ANSWERED, REFUSED = 0, 1
ROWS_AT_ONCE = 500

Month = Annotated[str, typer.Option(help="YYYY-MM")]
Rules = Annotated[str, typer.Option(help="JSON in base64 (URL alphabet): parameter → field → value")]
Until = Annotated[str, typer.Option(help="as known at this time")]
Everybody = Annotated[bool, typer.Option("--everybody", help="those too whose sum would be the same")]


def extend(commands: typer.Typer) -> None:
    """Adds the command to those of payments."""

    @commands.command("what-if", hidden=True)
    def what_if(subject: Subject, month: Month, rules: Rules, until: Until = "", everybody: Everybody = False) -> None:
        """Called and fed by `perisai audit what-if`."""
        try:
            question = _question(subject, month, rules, until)
        except Unanswerable as refused:
            sys.exit(_refuse(refused.errors))
        sys.exit(uvloop.run(_ask(SERVICE, question, everybody=everybody)))


def _question(subject: Subject, month: str, rules: str, until: str) -> Question:
    """Raises Unanswerable."""
    try:
        of = ContributionMonth.parse(month)
    except ValueError:
        raise Unanswerable(_NO_MONTH) from None
    given = json.loads(urlsafe_b64decode(rules))
    return Question(subject, of, supposed(given, KINDS[subject]), moment(until) if until else None)


async def _ask(service: Service, question: Question, *, everybody: bool) -> int:
    async with fed.comparing(service) as app:
        try:
            check(question, now=app.clock.business(), wall=app.clock.wall())
            asked = answered(
                question,
                service,
                app.engine,
                app.vault,
                feed=fed.feed(),
                ready=fed.ready(service),
                progress=fed.progress(service),
            )
            async with asked as answers:
                outcome = await told(answers, question.supposed, everybody=everybody)
        except Unanswerable as refused:
            return _refuse(refused.errors)
        except NotWhole as error:
            print(f"\n{service.name}: {error}", file=sys.stderr)
            return fed.NOT_COMPARED
    fed.say({"outcome": outcome})
    return ANSWERED


async def told(answers: AsyncIterator[Answer], supposed: Supposed, *, everybody: bool) -> dict[str, Any]:
    """Says those that differ, or all; gives the sums, by role, and which sets were exchanged for what."""
    totals: defaultdict[str, Totals] = defaultdict(Totals)
    versions, rows = dict[str, None](), list[dict[str, Any]]()
    async for one in answers:
        totals[one.who["role"]].add(one)
        versions[one.rules[0]] = None
        if everybody or one.difference:
            rows.append(one.as_json())
        if len(rows) == ROWS_AT_ONCE:
            fed.say({"rows": rows})
            rows = []
    fed.say({"rows": rows})
    exchanged = [changed for version in versions if (changed := supposed.changed(version))]
    met = {changed["kind"] for changed in exchanged}
    return {
        "totals": {role: one.as_json() for role, one in totals.items()},
        "rules": exchanged,
        "unmet": sorted(kind for kind in supposed.kinds if kind not in met),
    }


_NO_MONTH = FieldError("--month", "not_a_month", "Tulis bulan sebagai TTTT-BB.", "Write the month as YYYY-MM.")


def _refuse(errors: Sequence[FieldError]) -> int:
    said = [{"field": e.field, "code": e.code, "messages": {"id": e.id, "en": e.en}} for e in errors]
    fed.say({"refused": said})
    return REFUSED
