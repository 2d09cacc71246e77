"""`python -m tests.support.toy_process counting|totals`: a toy service as a process of its own, set up by the environment as any other."""

from __future__ import annotations

import sys

from chassis.process import main
from tests.support.toy import COUNTING, Following, totals

if __name__ == "__main__":
    main({"counting": COUNTING, "totals": totals(Following())}[sys.argv[1]])
