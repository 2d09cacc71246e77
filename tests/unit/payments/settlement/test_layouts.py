"""A layout is agreed only if files can be read by it."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.events.reconciliation import DecimalMark, EdgeColumn, LineColumn, ThousandsMark
from services.payments.domain.settlement.layouts import LayoutFault, faults
from tests.support.settlement import MARKED, TITLED


def test_layouts_that_read_files_have_no_fault() -> None:
    assert faults(MARKED) == faults(TITLED) == []


@pytest.mark.parametrize(
    ("change", "field", "fault"),
    [
        ({"columns": MARKED.columns[:6] + MARKED.columns[7:]}, "columns", LayoutFault.AMOUNT_MISSING),
        ({"columns": MARKED.columns[:-1]}, "columns", LayoutFault.PAID_AT_MISSING),
        ({"columns": MARKED.columns[:4] + MARKED.columns[6:]}, "columns", LayoutFault.REFERENCE_MISSING),
        ({"columns": (*MARKED.columns, LineColumn.FEE)}, "columns", LayoutFault.COLUMN_TWICE),
        ({"columns": (*MARKED.columns, *[LineColumn.IGNORED] * 50)}, "columns", LayoutFault.TOO_MANY_COLUMNS),
        ({"titles": ("one",)}, "titles", LayoutFault.TITLES_DIFFER),
        ({"header_mark": ""}, "header_mark", LayoutFault.MARKS_DIFFER),
        ({"header_mark": "D"}, "line_mark", LayoutFault.MARKS_DIFFER),
        ({"trailer": (EdgeColumn.COUNT,)}, "trailer_mark", LayoutFault.MARKS_DIFFER),
        ({"header": ()}, "header_mark", LayoutFault.MARKS_DIFFER),
        ({"time_pattern": "%d/%m/%Y"}, "time_pattern", LayoutFault.PATTERN_UNREADABLE),
        ({"time_pattern": "%H:%M %d/%m/%Y %Q"}, "time_pattern", LayoutFault.PATTERN_UNREADABLE),
        ({"day_pattern": "%d/%m"}, "day_pattern", LayoutFault.PATTERN_UNREADABLE),
        ({"time_zone": "Asia/Nowhere"}, "time_zone", LayoutFault.ZONE_UNKNOWN),
        ({"time_zone": "../etc"}, "time_zone", LayoutFault.ZONE_UNKNOWN),
        (
            {"decimal_mark": DecimalMark.COMMA, "thousands_mark": ThousandsMark.COMMA},
            "thousands_mark",
            LayoutFault.SEPARATORS_CLASH,
        ),
    ],
)
def test_what_cannot_be_read_is_named(change: dict[str, Any], field: str, fault: LayoutFault) -> None:
    assert (field, fault) in faults(MARKED.model_copy(update=change))


@pytest.mark.parametrize(
    "pattern", ["iso", "%d/%m/%Y %H:%M:%S", "%Y%m%d%H%M", "%d-%b-%Y %I:%M %p", "%Y-%m-%d %H:%M:%S%z"]
)
def test_patterns_that_lose_nothing_are_taken(pattern: str) -> None:
    assert faults(MARKED.model_copy(update={"time_pattern": pattern})) == []
