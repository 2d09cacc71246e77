"""PostgreSQL never runs as root, and what its account cannot reach is put where it can; no foreign permission is changed."""

import os
from pathlib import Path

import pytest

from deploy.local import accounts, places
from deploy.local.process import User
from deploy.local.stack import LocalStack

STRANGER = User("stranger", 54_321, 54_321)


def test_a_path_that_everybody_may_walk_has_no_barrier(open_folder: Path) -> None:
    (open_folder / "inner").mkdir(mode=0o755)
    assert accounts.barrier(open_folder / "inner", STRANGER) is None


def test_the_first_closed_folder_on_the_way_is_named(open_folder: Path) -> None:
    inner = open_folder / "closed" / "inner"
    inner.mkdir(parents=True, mode=0o755)
    (open_folder / "closed").chmod(0o700)
    assert accounts.barrier(inner, STRANGER) == (open_folder / "closed").resolve()


def test_a_closed_file_is_a_barrier_itself(open_folder: Path) -> None:
    (open_folder / "file").touch(mode=0o600)
    assert accounts.barrier(open_folder / "file", STRANGER) == (open_folder / "file").resolve()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has privileges to drop")
async def test_as_root_a_closed_checkout_stays_closed_and_postgres_runs_elsewhere(open_folder: Path) -> None:
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    async with LocalStack(closed / "home", environ={"KAFKA_BOOTSTRAP": "", "DATABASE_URL": ""}) as stack:
        owner = Path(f"/proc/{stack.pid('postgres')}").stat().st_uid
    assert owner == accounts.unprivileged().uid  # type: ignore[union-attr]
    assert closed.stat().st_mode & 0o777 == 0o700
    elsewhere = Path((closed / "home" / "postgres" / "elsewhere").read_text().strip())
    assert elsewhere.exists()
    places.remove(closed)
    assert not elsewhere.exists()
