"""What signs our calls to an acquirer: one of a kind in each use, and never none once there was one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.event import Event
from contracts.events.acquirers import (
    AcquirerAgreed,
    AcquirerCredentialActivated,
    AcquirerCredentialProposed,
    CredentialKind,
)
from services.payments.domain.acquirers import Acquirer, CannotSign, Use, activate, agree, evolve, propose, retire
from services.payments.domain.partners import LONGEST_OVERLAP, StillLives
from tests.unit.payments.test_partners import BANK, ENDED

NOW = datetime(2025, 10, 6, 2, tzinfo=UTC)
TERMS = AcquirerAgreed(
    partner="bank-a",
    url="https://example.com/snap/v1.0",
    client_key="perisai",
    partner_id="P",
    channel_id="95221",
    merchant_id="M",
    rank=50,
)
KEY, SECRET = CredentialKind.KEY, CredentialKind.SECRET
AGREED = evolve(None, TERMS)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("propose", "activate", "retire", "agree")),
        st.sampled_from((KEY, SECRET)),
        st.integers(0, 8),
        st.one_of(st.none(), st.integers(1, 90 * 24)),
        st.integers(0, 48),
    ),
    max_size=40,
)


def offer(number: int, kind: CredentialKind = KEY) -> AcquirerCredentialProposed:
    return AcquirerCredentialProposed(partner="bank-a", credential_id=UUID(int=number), kind=kind)


def applied(acquirer: Acquirer, event: Event | CannotSign | StillLives | None) -> Acquirer:
    assert isinstance(event, Event)
    return evolve(acquirer, event)


def active(number: int, kind: CredentialKind = KEY, acquirer: Acquirer = AGREED) -> Acquirer:
    """It was proposed and activated."""
    return applied(applied(acquirer, propose(BANK, acquirer, offer(number, kind))), _activated(number))


def _activated(number: int) -> AcquirerCredentialActivated:
    return AcquirerCredentialActivated(partner="bank-a", credential_id=UUID(int=number))


def test_only_an_enabled_partner_is_agreed_with() -> None:
    assert agree(BANK, TERMS) is TERMS
    assert (agree(None, TERMS), agree(ENDED, TERMS)) == (CannotSign.UNKNOWN, CannotSign.DISABLED)
    assert propose(BANK, None, offer(1)) is CannotSign.UNKNOWN
    assert propose(ENDED, AGREED, offer(1)) is CannotSign.DISABLED


def test_what_is_proposed_signs_nothing() -> None:
    waiting = applied(active(1), propose(BANK, active(1), offer(2)))
    assert waiting.signing(KEY, NOW) == (UUID(int=1),)
    assert propose(BANK, waiting, offer(3)) is CannotSign.WAITS
    assert propose(BANK, waiting, offer(3, SECRET)) == offer(3, SECRET)


def test_the_one_before_is_tried_second_until_its_end() -> None:
    waiting = applied(active(1), propose(BANK, active(1), offer(2)))
    until = NOW + timedelta(hours=1)
    both = applied(waiting, activate(waiting, UUID(int=2), until, NOW))
    assert both.signing(KEY, until - timedelta(seconds=1)) == (UUID(int=2), UUID(int=1))
    assert both.signing(KEY, until) == (UUID(int=2),)
    alone = applied(waiting, activate(waiting, UUID(int=2), None, NOW))
    assert alone.signing(KEY, NOW) == (UUID(int=2),)


def test_no_overlap_begins_while_an_older_one_still_has_its_time() -> None:
    until, later = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    waiting = applied(active(1), propose(BANK, active(1), offer(2)))
    both = applied(waiting, activate(waiting, UUID(int=2), until, NOW))
    third = applied(both, propose(BANK, both, offer(3)))
    assert activate(third, UUID(int=3), later, NOW) == StillLives(until)
    assert applied(third, activate(third, UUID(int=3), None, NOW)).signing(KEY, NOW) == (UUID(int=3),)
    assert applied(third, activate(third, UUID(int=3), later, until)).signing(KEY, until) == (UUID(int=3), UUID(int=2))


def test_terms_leave_credentials_and_kinds_leave_each_other() -> None:
    both = active(2, SECRET, active(1))
    assert evolve(both, TERMS.model_copy(update={"rank": 1})).credentials == both.credentials
    assert (both.signing(KEY, NOW), both.signing(SECRET, NOW)) == ((UUID(int=1),), (UUID(int=2),))


def test_what_signs_goes_only_by_its_successor() -> None:
    assert retire(active(1), UUID(int=1)) is CannotSign.IN_USE
    assert retire(active(1), UUID(int=2)) is CannotSign.UNKNOWN
    assert activate(active(1), UUID(int=1), None, NOW) is None
    assert activate(None, UUID(int=1), None, NOW) is CannotSign.UNKNOWN


@pytest.mark.parametrize("away", [timedelta(0), -timedelta(seconds=1), LONGEST_OVERLAP + timedelta(seconds=1)])
def test_an_overlap_is_neither_over_nor_for_ever(away: timedelta) -> None:
    waiting = applied(active(1), propose(BANK, active(1), offer(2)))
    assert activate(waiting, UUID(int=2), NOW + away, NOW) is CannotSign.OVERLAP


def test_a_change_of_nobody_is_a_fault() -> None:
    with pytest.raises(LookupError):
        evolve(None, offer(1))


@given(STEPS)
def test_in_any_order_there_is_one_of_a_kind_in_each_use_and_never_none_once_there_was_one(
    steps: list[tuple[str, CredentialKind, int, int | None, int]],
) -> None:
    acquirer, wall, signed, drawn = AGREED, NOW, set[CredentialKind](), 100
    for what, kind, number, overlap_h, later_h in steps:
        wall += timedelta(hours=later_h)
        known = [one.credential_id for one in acquirer.credentials] or [UUID(int=1)]
        one, until = known[number % len(known)], None if overlap_h is None else wall + timedelta(hours=overlap_h)
        drawn += 1
        decided: Event | CannotSign | StillLives | None
        match what:
            case "propose":
                decided = propose(BANK, acquirer, offer(drawn, kind))
            case "activate":
                decided = activate(acquirer, one, until, wall)
            case "retire":
                decided = retire(acquirer, one)
            case _:
                decided = agree(BANK, TERMS)
        acquirer = evolve(acquirer, decided) if isinstance(decided, Event) else acquirer
        uses = [(found.kind, found.use) for found in acquirer.credentials]
        assert len(uses) == len({*uses})
        signed |= {found.kind for found in acquirer.credentials if found.use is Use.ACTIVE}
        assert all(acquirer.signing(kind, wall + timedelta(days=365)) for kind in signed)
        assert all(1 <= len(acquirer.signing(kind, wall)) <= 2 for kind in signed)
