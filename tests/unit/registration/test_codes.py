from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from services.registration.domain.codes import NumbersExhausted, agent_code, contribution_code, kpj


@given(st.integers(0, 10**11))
def test_contribution_codes_have_13_digits_and_pass_the_luhn_check(number: int) -> None:
    code = contribution_code(number)
    assert len(code) == 13
    assert luhn.is_valid(code)


@given(st.integers(0, 10**9), st.integers(0, 12), st.integers(1, 9))
def test_any_single_wrong_digit_is_noticed(number: int, place: int, step: int) -> None:
    code = contribution_code(number)
    wrong = str((int(code[place]) + step) % 10)
    assert not luhn.is_valid(code[:place] + wrong + code[place + 1 :])


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_different_numbers_give_different_codes(one: int, other: int) -> None:
    assert (contribution_code(one) == contribution_code(other)) == (one == other)
    assert (kpj(one) == kpj(other)) == (one == other)


def test_forms() -> None:
    assert kpj(7) == "10000000007"
    assert agent_code(7) == "PRS00000007"


def test_a_number_that_no_longer_fits_is_an_error_and_never_a_longer_code() -> None:
    with pytest.raises(NumbersExhausted):
        agent_code(100_000_000)
    with pytest.raises(NumbersExhausted):
        kpj(90_000_000_000)
    with pytest.raises(NumbersExhausted):
        contribution_code(900_000_000_000)
