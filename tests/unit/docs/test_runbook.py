"""Every alarm names a heading of the runbook, and that heading exists."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[3]


def test_every_runbook_line_of_the_code_is_a_heading() -> None:
    page = (PROJECT / "docs" / "operations.md").read_text(encoding="utf-8")
    headings = {line[3:].lower().replace(" ", "-") for line in page.splitlines() if line.startswith("## ")}
    named = {
        anchor
        for folder in ("chassis", "services", "deploy")
        for file in (PROJECT / folder).rglob("*.py")
        for anchor in re.findall(r"docs/operations\.md#([a-z-]+)", file.read_text(encoding="utf-8"))
    }
    assert named, "the code names no runbook at all"
    assert named <= headings
