"""Whose things one may see: the rule in SQL and the rule in memory are the same rule."""

from __future__ import annotations

from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from chassis.http import Principal, covers, within
from chassis.http.scope import SCOPED, SEES_ALL

ATTRIBUTES = ("branch_id", "wadah_id", "agent_id", "participant_id")
things = sa.Table("things", sa.MetaData(), sa.Column("id", sa.Uuid), *(sa.Column(name, sa.Uuid) for name in ATTRIBUTES))
agents = sa.Table("agents", sa.MetaData(), sa.Column("id", sa.Uuid), sa.Column("branch_id", sa.Uuid))
nobodys = sa.Table("nobodys", sa.MetaData(), sa.Column("name", sa.Text))

maybe_ids = st.none() | st.sampled_from([UUID(int=n) for n in range(1, 4)])
scopes = st.fixed_dictionaries(dict.fromkeys(ATTRIBUTES, maybe_ids))
roles = st.frozensets(st.sampled_from([*SCOPED, *SEES_ALL, "stranger"]))

engine = sa.create_engine("sqlite://")
things.metadata.create_all(engine)


def seen(principal: Principal, thing: dict[str, UUID | None]) -> bool:
    with engine.connect() as conn:
        conn.execute(sa.insert(things).values(id=UUID(int=99), **thing))
        found = conn.execute(sa.select(sa.func.count()).select_from(things).where(within(principal, things)))
        return bool(found.scalar_one())


@given(roles, scopes, scopes)
def test_database_and_memory_agree(
    held: frozenset[str], own: dict[str, UUID | None], thing: dict[str, UUID | None]
) -> None:
    principal = Principal("someone", held, **own)
    assert seen(principal, thing) == covers(principal, **thing)


@given(scopes, scopes, st.sampled_from([*SCOPED]))
def test_role_sees_exactly_what_shares_its_scope(
    own: dict[str, UUID | None], thing: dict[str, UUID | None], role: str
) -> None:
    principal = Principal("someone", frozenset({role}), **own)
    mine = own[SCOPED[role]]
    assert covers(principal, **thing) == (mine is not None and mine == thing[SCOPED[role]])


@pytest.mark.parametrize("role", sorted(SEES_ALL))
def test_central_roles_see_all(role: str) -> None:
    assert seen(Principal("someone", frozenset({role})), dict.fromkeys(ATTRIBUTES))


def test_role_without_its_scope_in_the_token_sees_nothing() -> None:
    assert not seen(Principal("someone", frozenset({"officer"})), {**dict.fromkeys(ATTRIBUTES), "branch_id": None})


def test_table_of_the_scope_itself_is_matched_by_id() -> None:
    clause = within(Principal("someone", frozenset({"agent"}), agent_id=UUID(int=1)), agents)
    assert "agents.id" in str(clause)


def test_table_that_belongs_to_nobody_shows_nothing() -> None:
    clause = within(Principal("someone", frozenset({"agent"}), agent_id=UUID(int=1)), nobodys)
    assert "name" not in str(clause)
