"""Children end when they are told, tell when they end unasked, and never outlive their parent."""

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.local.places import PROJECT
from deploy.local.process import Process
from deploy.local.state import Ident
from deploy.local.supervisor import Supervisor
from deploy.local.trouble import Trouble
from tests.integration.deploy.programs import DEAF, FAILS, SLEEPS, python
from tests.support.eventually import eventually


@pytest_asyncio.fixture
async def supervisor(tmp_path: Path) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "logs", tell=lambda _: None, echo=lambda *_: None)
    yield supervisor
    await supervisor.stop_all()


async def _not_ready() -> bool:
    return False


async def test_a_child_that_ends_unasked_is_named_with_its_last_lines(supervisor: Supervisor, tmp_path: Path) -> None:
    await supervisor.start(python("bank", FAILS, tmp_path))
    trouble = await asyncio.wait_for(supervisor.crashed(), 60)
    assert trouble.sentence.startswith("bank ended with exit code 3; its log is ")
    assert trouble.tail == ("the last words",)
    assert (tmp_path / "logs" / "bank.log").read_text() == "the last words\n"


async def test_a_child_that_ends_before_it_is_ready_is_named(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="bank ended with exit code 3"):
        await supervisor.start(python("bank", FAILS, tmp_path), ready=_not_ready)


async def test_a_child_that_is_never_ready_is_given_up(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"bank is not ready after 0 s"):
        await supervisor.start(python("bank", SLEEPS, tmp_path), ready=_not_ready, within_s=0.3)


async def test_a_program_that_does_not_exist_is_named(supervisor: Supervisor, tmp_path: Path) -> None:
    program = python("bank", SLEEPS, tmp_path / "no-such-folder")
    with pytest.raises(Trouble, match="bank could not be started"):
        await supervisor.start(program)


@pytest.mark.parametrize("ending", ["stop", "kill"])
async def test_an_ending_that_was_asked_for_is_no_crash(supervisor: Supervisor, tmp_path: Path, ending: str) -> None:
    process = await supervisor.start(python("bank", SLEEPS, tmp_path))
    await getattr(supervisor, ending)("bank")
    assert not process.running
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(supervisor.crashed(), 0.3)


async def test_a_child_deaf_to_the_signal_is_killed_in_time(supervisor: Supervisor, tmp_path: Path) -> None:
    process = await supervisor.start(python("bank", DEAF, tmp_path, stop_within_s=0.3))
    await eventually(lambda: "up" in process.last_lines)
    await supervisor.stop("bank")
    assert process.returncode == -signal.SIGKILL


async def test_a_failed_migration_is_named_with_its_last_lines(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="migrate-payments ended with exit code 3") as caught:
        await supervisor.run(python("migrate-payments", FAILS, tmp_path))
    assert caught.value.tail == ("the last words",)


async def test_everything_is_stopped_the_last_started_first(supervisor: Supervisor, tmp_path: Path) -> None:
    ended: list[str] = []
    says_goodbye = (
        "import signal, sys\nsignal.signal(15, lambda *_: sys.exit())\nprint('up', flush=True)\nsignal.pause()"
    )
    for name in ("postgres", "kafka", "payments"):
        process = await supervisor.start(python(name, says_goodbye, tmp_path))
        await eventually(lambda process=process: "up" in process.last_lines)  # type: ignore[misc]
        asyncio.create_task(_note_end(process, ended))  # noqa: RUF006 - it ends with the test
    await supervisor.stop_all()
    assert ended == ["payments", "kafka", "postgres"]


async def _note_end(process: Process, ended: list[str]) -> None:
    await process.wait()
    ended.append(process.program.name)


# A supervisor of two children, one of them deaf to every polite signal; prints their pids.
PARENT = """
import asyncio, pathlib, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job is born deaf to it
from deploy.local.supervisor import Supervisor
from tests.integration.deploy.programs import DEAF, SLEEPS, python

async def main(folder):
    supervisor = Supervisor(folder / "logs", tell=lambda _: None, echo=lambda name, line: None)
    pids = [(await supervisor.start(python(name, code, folder))).pid for name, code in (("a", SLEEPS), ("b", DEAF))]
    print(*pids, flush=True)
    await asyncio.sleep(600)

asyncio.run(main(pathlib.Path(sys.argv[1])))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_no_child_outlives_a_supervisor_that_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(tmp_path)), cwd=PROJECT, stdout=PIPE, stderr=DEVNULL
    )
    assert parent.stdout is not None
    children = [Ident.of(int(pid)) for pid in (await parent.stdout.readline()).split()]
    assert len(children) == 2
    assert all(child.alive for child in children)
    parent.send_signal(number)
    await parent.wait()
    await eventually(lambda: not any(child.alive for child in children), what="both children gone")
