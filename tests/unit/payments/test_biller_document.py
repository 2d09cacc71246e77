"""The published biller document is the one of today, and the table of codes is the code's own."""

from __future__ import annotations

import re

from services.payments.domain.snap import codes
from services.payments.domain.snap.codes import Case
from services.payments.domain.snap.fields import Field, form_of
from services.payments.domain.snap.requests import RULES
from services.payments.domain.snap.sent import SENT
from services.payments.kit.document import FILE, document, main


def test_the_committed_page_is_the_one_of_today() -> None:
    assert FILE.read_text(encoding="utf-8") == document(), "python -m services.payments.kit.document --write"
    assert main([]) == 0


def test_every_case_that_the_code_knows_is_published_and_no_other() -> None:
    known = {id(case) for case in vars(codes).values() if isinstance(case, Case)}
    assert {id(case) for case, _, _ in SENT} == known


def test_every_field_that_is_read_is_published_with_its_form() -> None:
    page = document()

    def names(rules: tuple[Field, ...], prefix: str = "") -> list[str]:
        found = []
        for rule in rules:
            found.append(prefix + rule.name)
            found += names(form_of(rule.check).parts, f"{prefix}{rule.name}.")
        return found

    for rules in RULES.values():
        for name in names(tuple(rules)):
            assert f"| `{name}` |" in page


def test_reasons_keep_the_shortest_limit_of_the_tables_in_both_languages() -> None:
    for case, _, _ in SENT:
        assert 0 < len(case.reason.english) <= 64, case
        assert 0 < len(case.reason.indonesia) <= 64, case
        assert len(case.message) <= 150


def test_the_page_names_no_machine_and_no_person() -> None:
    assert not re.search(r"https?://|/home/|/work/|localhost|127\.0\.0\.1", document())
