"""`make status`, `make stop`, `make clean`, seen through the processes that make starts."""

import asyncio
import json
import os
import subprocess
import sys
from asyncio.subprocess import DEVNULL
from pathlib import Path

import pytest

from deploy.local.places import PROJECT
from deploy.local.state import Ident, State, StateFile
from tests.support.eventually import eventually


def _command(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", *arguments],
        cwd=PROJECT,
        env=os.environ | {"PERISAI_HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("action", ["status", "stop"])
def test_with_nothing_running_they_say_so(tmp_path: Path, action: str) -> None:
    done = _command(tmp_path, action)
    assert (done.returncode, done.stdout) == (0, "Perisai is not running.\n")


def test_cleaning_deletes_the_data_and_keeps_downloads(tmp_path: Path) -> None:
    for name in ("kafka", "cache", "secrets"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    done = subprocess.run(
        [sys.executable, "-m", "deploy.local", "clean"],
        cwd=PROJECT,
        env=os.environ | {"PERISAI_HOME": str(tmp_path), "PERISAI_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("downloads are kept.\n")
    assert [place.name for place in tmp_path.iterdir()] == ["cache"]


def test_what_a_dead_supervisor_left_is_told_and_ended(tmp_path: Path) -> None:
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    try:
        StateFile(tmp_path).write(State(Ident(left.pid, "1"), {"kafka": 9}, {"kafka": Ident.of(left.pid)}))
        assert (
            _command(tmp_path, "status").stdout == "Perisai is not running; kafka left over: `make stop` ends them.\n"
        )
        assert _command(tmp_path, "stop").stdout == "The supervisor was gone; ended what it had left: kafka.\n"
        assert left.wait(10) != 0
    finally:
        left.kill()
        left.wait()


async def test_status_tells_of_each_process_and_stop_ends_all_of_them(open_folder: Path) -> None:
    serve = (sys.executable, "-m", "deploy.local.dev", "serve", "--folder", str(open_folder))
    supervisor = await asyncio.create_subprocess_exec(*serve, cwd=PROJECT, stdout=DEVNULL, stderr=DEVNULL)
    try:
        await eventually(lambda: bool(StateFile(open_folder).read().facts), what="both servers up")
        told = json.loads((await asyncio.to_thread(_command, open_folder, "status", "--json")).stdout)
        assert told["running"]
        assert {name: row["state"] for name, row in told["processes"].items()} == {
            "kafka": "ready",
            "postgres": "ready",
        }
        processes = StateFile(open_folder).read().processes.values()
        stopped = await asyncio.to_thread(_command, open_folder, "stop")
        assert stopped.stdout == "Perisai is stopped; its data stays.\n"
        assert not any(process.alive for process in processes)
    finally:
        if supervisor.returncode is None:
            supervisor.terminate()
        await supervisor.wait()
