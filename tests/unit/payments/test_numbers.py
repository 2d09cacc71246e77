"""Numbers of our own blocks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn

from services.payments.domain.numbers import Block, NumbersExhausted, block_of, number_of
from services.registration.domain.codes import contribution_code

running = st.integers(0, 10**11 - 1)


@given(st.sampled_from(Block), running)
def test_a_number_lies_in_its_block_and_passes_luhn(block: Block, number: int) -> None:
    made = number_of(block, number)
    assert (len(made), made[0], luhn.is_valid(made), block_of(made)) == (13, block, True, block)


@given(running)
def test_no_contribution_code_of_registration_lies_in_a_block_of_ours(number: int) -> None:
    assert block_of(contribution_code(number)) is None


@given(st.sampled_from(Block), running, st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_is_noticed(block: Block, number: int, place: int, by: int) -> None:
    made = number_of(block, number)
    wrong = made[:place] + str((int(made[place]) + by) % 10) + made[place + 1 :]
    assert block_of(wrong) is None


@pytest.mark.parametrize("text", ["", "2", "2" * 14, "200000000000x", "２000000000008", "3671010101900001"])
def test_what_has_not_our_form_is_no_number_of_ours(text: str) -> None:
    assert block_of(text) is None


@pytest.mark.parametrize("number", [-1, 10**11])
def test_a_block_that_is_used_up_says_so(number: int) -> None:
    with pytest.raises(NumbersExhausted):
        number_of(Block.DEPOSIT, number)
