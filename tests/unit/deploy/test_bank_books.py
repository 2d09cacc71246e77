"""The books themselves: what is final stays final, whoever writes last."""

from pathlib import Path

import pytest

from deploy.local.bank.books import SCHEMA, Books, Payment, State
from deploy.local.outside.database import open_database


def payment(number: int, state: State) -> Payment:
    return Payment(
        number=number,
        payment_request_id=f"P-{number}",
        reference_no=f"{number:012d}",
        customer_no="8800",
        virtual_account="159738800",
        amount=36_800,
        state=state,
        refused_at=None,
        told=True,
        trx_date_time="2025-10-15T09:00:00+07:00",
        body={"customerNo": "8800"},
        external_id="1",
        code="",
        message="",
        answers=[],
        resolve_tries=0,
    )


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(open_database(tmp_path / "bank.sqlite", SCHEMA))


@pytest.mark.parametrize("first", [State.DONE, State.REFUSED])
@pytest.mark.parametrize("late", [State.DONE, State.REFUSED, State.UNKNOWN])
def test_a_late_answer_does_not_change_a_final_payment(books: Books, first: State, late: State) -> None:
    books.add(payment(1, State.PENDING))
    books.close("P-1", first, code="first", message="", answers=["first"], external_id="2")
    books.close("P-1", late, code="late", message="", answers=["late"], external_id="3")
    found = books.find("P-1")
    assert found is not None
    assert (found.state, found.code, found.answers) == (first, "first", ["first"])


def test_an_unknown_payment_may_still_become_final(books: Books) -> None:
    books.add(payment(1, State.PENDING))
    books.close("P-1", State.UNKNOWN, code="", message="", answers=["none"], external_id="2")
    books.close("P-1", State.DONE, code="2002600", message="", answers=["none", "2002600"], external_id="3")
    found = books.find("P-1")
    assert found is not None and found.state is State.DONE


def test_what_was_pending_at_the_start_is_unknown_and_due_at_once(tmp_path: Path) -> None:
    database = open_database(tmp_path / "bank.sqlite", SCHEMA)
    Books(database).add(payment(1, State.PENDING))
    reopened = Books(database)
    assert [found.payment_request_id for found in reopened.due(0, max_tries=1, limit=8)] == ["P-1"]
    assert reopened.next_number() == 2


def test_the_resolver_gets_only_what_is_due_and_not_given_up(books: Books) -> None:
    for number in (1, 2, 3):
        books.add(payment(number, State.UNKNOWN))
    books.postpone("P-1", tries=1, until=100)
    books.postpone("P-2", tries=5, until=0)
    due = [found.payment_request_id for found in books.due(50, max_tries=5, limit=8)]
    assert due == ["P-3"]
    assert books.totals(max_tries=5)["given_up"] == 1
    assert books.revive() == 3
    assert len(books.due(50, max_tries=5, limit=8)) == 3
