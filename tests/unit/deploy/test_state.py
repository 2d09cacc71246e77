"""Who runs in a folder: believed only from a living process that holds the lock."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.state import Ident, State, StateFile, end_leftovers
from deploy.local.trouble import Trouble


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    state = State(Ident.of(os.getpid()), {"kafka": 20_001}, {"kafka": Ident(1, "2")}, {"kafka": "Apache Kafka"})
    StateFile(tmp_path).write(state)
    assert StateFile(tmp_path).read() == state


@pytest.mark.parametrize("content", ["", "{", "[]", '{"supervisor": 3}', "null"])
def test_a_damaged_state_is_an_empty_one(tmp_path: Path, content: str) -> None:
    (tmp_path / "state.json").write_text(content)
    assert StateFile(tmp_path).read() == State()


def test_a_living_supervisor_whose_ports_are_silent_is_not_believed(tmp_path: Path) -> None:
    assert not State(Ident.of(os.getpid()), {"kafka": 9}).running


def test_a_number_that_another_process_got_later_is_not_believed() -> None:
    assert Ident.of(os.getpid()).alive
    assert not Ident(os.getpid(), "1").alive


def test_a_second_supervisor_of_one_folder_is_refused_in_a_sentence(tmp_path: Path) -> None:
    first, second = StateFile(tmp_path), StateFile(tmp_path)
    first.acquire()
    first.write(State(Ident.of(os.getpid())))
    with pytest.raises(
        Trouble, match=rf"^Perisai already runs from .* \(pid {os.getpid()}\); see it with `make status`"
    ):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_two_folders_never_meet(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    files = [StateFile(folder) for folder in folders]
    for file in files:
        file.acquire()
    for file in files:
        file.release()


def test_what_a_dead_supervisor_left_is_ended_and_a_stranger_with_an_old_number_is_not() -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    left, stranger = (subprocess.Popen(sleeper, start_new_session=True) for _ in range(2))
    try:
        state = State(None, processes={"kafka": Ident.of(left.pid), "postgres": Ident(stranger.pid, "1")})
        assert end_leftovers(state) == ["kafka"]
        assert left.wait(10) != 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait(10)
