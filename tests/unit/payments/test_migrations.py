"""Migrations are one line: two people who add one at once both follow the same, and neither sees the other's."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

SERVICES = Path(__file__).parents[3] / "services"


@pytest.mark.parametrize("service", sorted(path.parents[1].name for path in SERVICES.glob("*/migrations/versions")))
def test_each_migration_has_a_number_of_its_own_and_one_follows_the_other(service: str) -> None:
    folder = SERVICES / service / "migrations" / "versions"
    numbers = [path.name.split("_")[0] for path in folder.glob("[0-9]*.py")]
    assert sorted(numbers) == sorted(set(numbers))
    config = Config()
    config.set_main_option("script_location", str(folder.parent))
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1
