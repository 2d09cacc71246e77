"""Runs the project's own rules over its packages: `python -m tools.lint [path …]`.
 A line is excused by a comment on it with a reason: `# lint: <rule> — why`. A broad `except` that settles its matter
says so: `# settles: how`. An excuse without a reason counts for nothing, and one that excuses nothing is itself an
offence."""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.rules import RULES

ROOT: Final = Path(__file__).parent.parent
PACKAGES: Final = ("contracts", "chassis", "services", "deploy")
_EXCUSE: Final = re.compile(r"#\s*(?:lint:\s*(?P<rule>[a-z]+)\s*[—:-]+|(?P<settles>settles:))\s*(?P<reason>\S.*)")


@dataclass(frozen=True, slots=True, order=True)
class Offence:
    """One line that breaks one rule."""

    path: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


def offences(path: str, source: str) -> list[Offence]:
    """What is wrong in one module; `path` is relative to the project, with /."""
    tree, excuses = ast.parse(source), _excuses(source)
    used: set[tuple[int, str]] = set()
    found: set[Offence] = set()
    for rule in RULES:
        for node in rule.find(tree) if rule.applies(path) else ():
            line = getattr(node, "lineno", 1)
            last = line if isinstance(node, ast.ExceptHandler) else getattr(node, "end_lineno", line)
            excused = {(at, rule.name) for at in range(line, last + 1)} & excuses
            used |= excused
            if not excused:
                found.add(Offence(path, line, rule.name, f"not here; instead: {rule.instead}"))
    idle = {(line, name) for line, name in excuses - used if name != "except"}
    return sorted(found | {Offence(path, line, name, "this excuse excuses nothing; remove it") for line, name in idle})


def _excuses(source: str) -> set[tuple[int, str]]:
    """(line, rule) of every excuse that has a reason."""
    found = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (match := _EXCUSE.match(token.string)):
            found.add((token.start[0], match["rule"] or "except"))
    return found


def modules(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """(relative path, source) of every Python file under these paths, in order."""
    for path in paths:
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield file.resolve().relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")


def main(arguments: list[str]) -> int:
    """The command; 0 when no rule is broken."""
    paths = [Path(argument) for argument in arguments] or [ROOT / package for package in PACKAGES]
    found = [offence for path, source in modules(paths) for offence in offences(path, source)]
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
