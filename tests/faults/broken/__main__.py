"""`python -m tests.faults.broken X1 X3 …`, `--test` for those of the test tier, `--all`; exit code 1 when one is not caught."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.faults.broken import catalogue
from tests.faults.broken.run import Found, prove


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.broken", description="Builds that must be caught.")
    parser.add_argument("ids", nargs="*", metavar="X1")
    parser.add_argument("--all", action="store_true", help="every build")
    parser.add_argument("--test", action="store_true", help="those of the test tier")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the entries of the report there")
    options = parser.parse_args()
    known = catalogue.read()
    if unknown := [name for name in options.ids if name not in known]:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    chosen = [b for b in known.values() if options.all or b.id in options.ids or (options.test and b.test)]
    if not chosen:
        parser.error("name builds, or --test or --all")
    found = prove(chosen, tell=lambda one: print(told(one), flush=True))
    if options.json:
        options.json.write_text(json.dumps([one.as_json() for one in found], indent=2))
    caught = sum(one.caught for one in found)
    print(f"broken builds {caught}/{len(found)} caught")
    sys.exit(0 if caught == len(found) else 1)


def told(found: Found) -> str:
    """One line, and why when it was missed."""
    by = ",".join(found.caught_by) or "–"
    verdict = "caught" if found.caught else f"MISSED  {found.why}"
    return f"{found.id:<5} expected {','.join(found.expected):<8} by {by:<12} {found.seconds:5.1f} s  {verdict}"


if __name__ == "__main__":
    main()
