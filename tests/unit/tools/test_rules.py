"""Every rule is shown a bug of its kind and what should be written instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.lint import main, offences
from tools.rules import RULES

BUGS = [
    ("commit", "await conn.commit()"),
    ("commit", "await session.rollback()"),
    ("commit", "async with engine.begin() as conn: pass"),
    ("commit", "conn.begin_nested()"),
    ("values", "conn.execute(table.insert().values([{'a': 1}]))"),
    ("values", "conn.execute(table.insert().values([row(x) for x in xs]))"),
    ("clock", "datetime.now(UTC)"),
    ("clock", "datetime.datetime.utcnow()"),
    ("clock", "date.today()"),
    ("clock", "time.time()"),
    ("clock", "uuid4()"),
    ("clock", "uuid.uuid1()"),
    ("compare", "ok = signature == expected"),
    ("compare", "ok = given != partner.client_secret"),
    ("compare", "ok = request.token == token"),
    ("compare", "ok = mac.digest() == given"),
    ("nextval", "conn.execute(text(\"SELECT nextval('kpj')\"))"),
    ("nextval", "conn.execute(select(numbers.next_value()))"),
    ("float", "share = amount / 2"),
    ("float", "fee = bill.amount * 0.5"),
    ("float", "x = float(rupiah)"),
    ("float", "x = round(income / 3)"),
    ("float", "amount: float = 0"),
    ("float", "def pay(fee: float): pass"),
    ("task", "asyncio.create_task(work())"),
    ("task", "asyncio.get_running_loop().create_task(work())"),
    ("task", "loop.create_task(work())"),
    ("except", "try: work()\nexcept Exception as error: log.error('x')"),
    ("except", "try: work()\nexcept BaseException: pass"),
    ("except", "try: work()\nexcept (ValueError, Exception): pass"),
    ("except", "try: work()\nexcept: pass"),
]
FINE = [
    "await consumer.commit(offsets)",
    "rows.insert(conn, table, [{'a': 1}])",
    "conn.execute(table.insert().values(a=1))",
    "tx.now",
    "datetime(2025, 10, 6, tzinfo=UTC)",
    "new_id()",
    "hmac.compare_digest(signature, expected)",
    "sa.select(t).where(t.c.token == token)",
    "ok = secret == ''",
    "numbers = await app.numbers.take('kpj', 3)",
    '"""Never nextval here."""',
    "share = amount // 2",
    "late_s = age / 2",
    "task = asyncio.create_task(work())",
    "group.create_task(work())",
    "try: work()\nexcept ValueError: pass",
    "try: work()\nexcept Exception: raise",
    "try: work()\nexcept Exception as e: raise Refusal(x) from e",
]


def found(source: str, path: str = "services/payments/commands.py") -> list[str]:
    return [offence.rule for offence in offences(path, source)]


@pytest.mark.parametrize(("rule", "source"), BUGS, ids=[f"{rule}: {source[:40]}" for rule, source in BUGS])
def test_planted_bug_is_found(rule: str, source: str) -> None:
    assert set(found(source)) == {rule}


@pytest.mark.parametrize("source", FINE)
def test_right_way_passes(source: str) -> None:
    assert found(source) == []


def test_every_rule_is_shown_a_bug_and_names_its_reason() -> None:
    assert {rule.name for rule in RULES} == {rule for rule, _ in BUGS}
    assert all(rule.find.__doc__ and rule.instead for rule in RULES)


class TestExcuse:
    def test_reason_excuses_its_line_and_rule(self) -> None:
        assert found("await conn.commit()  # lint: commit — an operator's step on plumbing") == []

    def test_excuse_may_stand_on_any_line_of_the_statement(self) -> None:
        assert found("conn.execute(\n  t.insert().values(\n    [1]  # lint: values — one row\n  )\n)") == []

    def test_excuse_without_reason_counts_for_nothing(self) -> None:
        assert found("await conn.commit()  # lint: commit") == ["commit"]

    def test_excuse_for_another_rule_counts_for_nothing(self) -> None:
        assert sorted(found("await conn.commit()  # lint: clock — because")) == ["clock", "commit"]

    def test_excuse_that_excuses_nothing_is_an_offence(self) -> None:
        (offence,) = offences("services/a.py", "x = 1  # lint: clock — because")
        assert "remove it" in offence.text

    def test_broad_except_may_say_how_it_settles(self) -> None:
        assert found("try: work()\nexcept Exception:  # settles: the key parks\n  park()") == []

    def test_excuse_inside_a_string_is_text(self) -> None:
        assert found("await conn.commit(); x = '# lint: commit — why'") == ["commit"]


class TestWhere:
    def test_clocks_and_ids_have_one_home(self) -> None:
        assert found("uuid4()", "chassis/ids.py") == []
        assert found("uuid4()", "chassis/relay.py") == ["clock"]

    def test_outside_parties_have_their_own_clock_but_compare_in_constant_time(self) -> None:
        assert found("datetime.now()", "deploy/local/bank/clock.py") == []
        assert found("ok = signature == mine", "deploy/local/bank/signing.py") == ["compare"]


class TestCommand:
    def test_our_packages_are_clean(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([]) == 0, capsys.readouterr().err

    def test_offence_is_told_with_place_and_remedy(self, tmp_path: Path) -> None:
        (offence,) = offences("services/payments/api.py", "\nuuid4()")
        assert (
            str(offence)
            == "services/payments/api.py:2: clock: not here; instead: tx.now, app.clock or chassis.ids.new_id"
        )
