"""Shows that the checks can fail: each broken build is made in a copy and must be caught by its own check, by an expected invariant, in a minute.

The same check must pass in an unbroken copy, for one that always fails catches nothing; a run that has just seen it pass in this tree
does not ask again. One pair of servers is shared by all.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local import dev, places
from tests.faults.broken import catalogue, checks, copies
from tests.faults.broken.catalogue import Build
from tests.faults.broken.checks import Verdict

WITHIN_S = 60.0
UNBROKEN_S = 600.0
AT_ONCE = 2
"""Checks side by side: most of a check is waiting, and each has topics and databases of its own."""
KNOWN = Verdict(passed=True, violated=(), seconds=0.0)
SERVERS = ("KAFKA_BOOTSTRAP", "DATABASE_URL")


@dataclass(frozen=True)
class Found:
    """What became of one broken build, as the report wants it; `why` when it was not caught."""

    id: str
    expected: tuple[str, ...]
    caught_by: tuple[str, ...]
    seconds: float
    why: str = ""

    @property
    def caught(self) -> bool:
        return not self.why

    def as_json(self) -> dict[str, object]:
        """An entry of `broken_builds` in the report."""
        status = "pass" if self.caught else "fail"
        told = {"id": self.id, "expected": [*self.expected], "caught_by": [*self.caught_by]}
        return {**told, "seconds": round(self.seconds, 1), "status": status}


def prove(
    builds: Sequence[Build],
    *,
    patience: float = 1.0,
    unbroken: Set[str] = frozenset(),
    tell: Callable[[Found], None] = lambda found: None,
) -> list[Found]:
    """Runs the builds, those of one check after one another; each is told as soon as it is known, and given in the order asked for.

    `patience`: how many minutes a check may take. `unbroken`: nodes of checks that are known to pass without any patch.
    """
    by_check: dict[str, list[Build]] = {}
    for build in builds:
        by_check.setdefault(build.check, []).append(build)
    with (
        _servers() as servers,
        tempfile.TemporaryDirectory(prefix="perisai-broken-") as name,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        whole = copies.copy_to(Path(name) / "unbroken")
        copies.assert_own_packages(whole)

        def judge(group: Sequence[Build]) -> list[Found]:
            first, found = group[0], list[Found]()
            known = first.check in unbroken and first.tier == catalogue.TIER and not first.environ
            without = KNOWN if known else checks.run(first, whole, servers=servers, within_s=UNBROKEN_S)
            for build in group:
                found.append(_judged(build, without, Path(name) / build.id, servers, WITHIN_S * patience))
                tell(found[-1])
            return found

        judged = {found.id: found for group in pool.map(judge, by_check.values()) for found in group}
    return [judged[build.id] for build in builds]


def _judged(build: Build, unbroken: Verdict, folder: Path, servers: dict[str, str], within_s: float) -> Found:
    if not unbroken.passed:
        why = f"its check fails without it too: {', '.join(unbroken.violated) or unbroken.why}"
        return Found(build.id, build.expected, (), unbroken.seconds, why)
    try:
        copies.break_it(copies.copy_to(folder), build.id)
    except copies.DoesNotApply as error:
        return Found(build.id, build.expected, (), 0.0, str(error))
    verdict = checks.run(build, folder, servers=servers, within_s=within_s)
    return Found(build.id, build.expected, verdict.violated, verdict.seconds, _missed(build, verdict))


def _missed(build: Build, verdict: Verdict) -> str:
    if verdict.passed:
        return "not caught: its check passed"
    if not verdict.violated:
        return f"its check failed without naming an invariant: {verdict.why}"
    return "" if {*build.expected} & {*verdict.violated} else f"caught by {', '.join(verdict.violated)} alone"


@contextmanager
def _servers() -> Iterator[dict[str, str]]:
    """Kafka and PostgreSQL for all checks: those that are given, else a pair that ends with this program."""
    given = {name: os.environ[name] for name in SERVERS if os.environ.get(name)}
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="perisai-servers-"))
    folder.chmod(0o711)
    try:
        facts = dev.up(folder, until_exit_of=os.getpid())
        yield {name: facts[name] for name in SERVERS}
    finally:
        dev.down(folder)
        places.remove(folder)
