"""`python -m tests.faults.checker FACTS JOURNAL [--planted FILE] [--only I1,I2] [--json FILE]`; exit 0: all hold, 1: violated, 2: could not check."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

from tests.faults.checker.facts import CannotCheck, read_facts, read_planted
from tests.faults.checker.journal import read_journal
from tests.faults.checker.run import INVARIANTS, check
from tests.faults.checker.tally import FAIL


def main() -> int:
    asked = _arguments()
    only = asked.only.split(",") if asked.only else list(INVARIANTS)
    try:
        facts, journal = read_facts(asked.facts), read_journal(asked.journal)
        report = asyncio.run(check(facts, journal, read_planted(asked.planted), only))
    except CannotCheck as trouble:
        print(f"could not check: {trouble}", file=sys.stderr)
        return 2
    if asked.json:
        asked.json.write_text(json.dumps(report, indent=1))
    for found in report["invariants"]:
        print(f"{found['id']:<4} {found['status']:<8} checked {found['checked']:<9} violations {found['violations']}")
        for one in found["first"]:
            print(f"     {one['where']} {one['key']}: expected {one['expected']}, found {one['actual']}")
    return int(any(found["status"] == FAIL for found in report["invariants"]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.checker", description=__doc__)
    parser.add_argument("facts", type=Path, help="where everything is")
    parser.add_argument("journal", type=Path, help="what the driver sent and was answered, JSON lines")
    parser.add_argument("--planted", type=Path, help="what was done on purpose")
    parser.add_argument("--only", help="invariants, joined by comma")
    parser.add_argument("--json", type=Path, help="where to write the report")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
