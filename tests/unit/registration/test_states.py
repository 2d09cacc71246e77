"""A row and back is the same state, whatever happened before: so what is folded, stored and loaded is what was
folded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chassis.ids import new_id
from chassis.privacy.vault import Vault
from contracts.events.agency import AgentProfile, Audience
from contracts.events.participants import ParticipationClosed
from contracts.values import ContributionMonth, OutreachId
from services.registration import states
from services.registration.domain.protection import Due, close, due, on_paid, on_reversed
from services.registration.tables import participants, people
from tests.unit.registration.samples import NOW, after, facts, month, paid, participant, registered, voided
from tests.unit.registration.test_agency import next_one, wadah
from tests.unit.registration.test_outreach import agent, wanted

VAULT = Vault(bytes(range(64)), bytes(32))


def stored(row: Mapping[str, Any]) -> dict[str, Any]:
    """As PostgreSQL gives it back: JSON went through JSON."""
    return {name: json.loads(json.dumps(v)) if isinstance(v, list | dict) else v for name, v in row.items()}


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 150), st.integers(1, 12)), max_size=8))
def test_a_participant_with_any_past(steps: list[tuple[bool, int, int]]) -> None:
    state, now, last = participant(), NOW, None
    for void, days, months in steps:
        now += timedelta(days=days)
        state = after(state, due(state, now))
        if void and last is not None:
            state = after(state, [Due(event) for event in on_reversed(state, voided(last), now=now)])
        else:
            first = ContributionMonth.of(now)
            last = paid(state, *(str(first + n) for n in range(months)), at=now)
            state = after(state, on_paid(state, last, facts()))
        assert states.participant_of(stored(states.participant_row(state))) == state


def test_every_column_is_written() -> None:
    assert set(states.participant_row(participant())) == {column.name for column in participants.c}


def test_a_person_goes_through_the_vault_cell_by_cell() -> None:
    event = registered()
    person = event.person.value
    assert person is not None
    row = states.person_row(event.participant_id, person, VAULT)
    assert set(row) == {column.name for column in people.c}
    assert not any(b"Siti" in cell or b"3671" in cell for cell in row.values() if isinstance(cell, bytes))
    assert states.person_of({**row, "nik_hash": person.nik_hash}, VAULT) == person
    assert states.birth_date_of(row, VAULT) == person.birth_date


def test_a_forgotten_person_is_none() -> None:
    row: dict[str, Any] = {name.name: None for name in people.c}
    assert states.person_of({**row, "participant_id": new_id(), "nik_hash": None}, VAULT) is None


def test_agents_agreements_and_sessions() -> None:
    profile = AgentProfile(name="Budi Santoso", phone="+6281234567891")
    for one in (agent(), agent(profile=profile, certified_by="officer-1")):
        assert states.agent_of(stored(states.agent_row(one, VAULT)), VAULT) == one
    for held in (wadah(), wadah(next_one(monthly_target=3), ended_on=date(2025, 2, 1))):
        assert states.wadah_of(stored(states.wadah_row(held))) == held
    session = replace(wanted(), outreach_id=OutreachId(new_id()), audience=tuple(Audience), officers=("a", "b"))
    assert states.outreach_of(stored(states.outreach_row(session))) == session


def test_the_day_of_a_death_comes_back_with_its_spell() -> None:
    state = participant()
    state = after(state, on_paid(state, paid(state, "2025-10", at=NOW), facts()))
    closed = close(state, died_on=date(2025, 10, 20), today=date(2025, 10, 22))
    assert isinstance(closed, ParticipationClosed)
    state = after(state, [Due(closed)])
    assert state.spells[0].died_on == date(2025, 10, 20)
    assert states.participant_of(stored(states.participant_row(state))) == state


def test_the_grace_of_each_month_comes_back() -> None:
    state = participant()
    told = paid(state, "2025-10", "2025-11", at=NOW)
    told = told.model_copy(update={"months": tuple(c.model_copy(update={"grace_months": 2}) for c in told.months)})
    state = after(state, on_paid(state, told, facts()))
    assert state.spells[0].payments[0].grace_months == (2, 2)
    assert states.participant_of(stored(states.participant_row(state))) == state


def test_the_last_paid_month_can_be_read_by_people() -> None:
    state = participant()
    state = after(state, on_paid(state, paid(state, "2025-10", "2025-11", at=NOW), facts()))
    assert states.participant_row(state)["paid_through"] == str(month("2025-11"))
