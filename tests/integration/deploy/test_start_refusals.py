"""What stops a start is one sentence on the terminal and an exit code, through the same door that make uses."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import disk, places, ports
from deploy.local.places import PROJECT
from deploy.local.trouble import Trouble


def _start(folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """`deploy.local.dev serve`, which starts Kafka and PostgreSQL as `make run` does."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_PORT")}
    return subprocess.run(
        [sys.executable, "-m", "deploy.local.dev", "serve", "--folder", str(folder)],
        cwd=PROJECT,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server((ports.HOST, 0)) as server:
        port = server.getsockname()[1]
        done = _start(tmp_path, POSTGRES_PORT=str(port))
    assert done.returncode == 1
    assert done.stderr == (
        f"Port {port} (POSTGRES_PORT) is taken by another program; free it, or unset POSTGRES_PORT to have one chosen.\n"
    )


def test_a_first_start_without_the_network_says_so(tmp_path: Path) -> None:
    done = _start(tmp_path / "home", PERISAI_CACHE=str(tmp_path / "cache"), MAVEN_REPOSITORY="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "could not be downloaded (ConnectionError); the first start needs the network" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    places.remove(tmp_path / "home")


def test_an_altered_jar_is_named(tmp_path: Path) -> None:
    shutil.copytree(places.cache() / "jars", tmp_path / "cache" / "jars", copy_function=os.link)
    jar = next((tmp_path / "cache" / "jars").glob("kafka-clients-*.jar"))
    content = jar.read_bytes()
    jar.unlink()
    jar.write_bytes(content + b"!")
    done = _start(tmp_path / "home", PERISAI_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 1
    assert done.stderr.startswith(f"{jar} is not the jar of the lock")
    places.remove(tmp_path / "home")


def test_a_database_that_cannot_start_shows_its_last_lines(open_folder: Path) -> None:
    (open_folder / "postgres" / "data").mkdir(parents=True)
    (open_folder / "postgres" / "data" / "PG_VERSION").write_text("9.4\n")
    done = _start(open_folder)
    assert done.returncode == 1
    first, *rest = done.stderr.splitlines()
    assert first.startswith("postgres ended with exit code ")
    assert rest


def test_a_full_disk_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(
        Trouble, match=rf"^The disk under {tmp_path}/new has \d+ MiB free and the stack needs 999999999 MiB"
    ):
        disk.require_space(tmp_path / "new", needed_mib=999_999_999)
    disk.require_space(tmp_path / "new", needed_mib=1)


@pytest.mark.parametrize(
    ("pythons", "told"),
    [
        ({"python3": "no venv"}, "Perisai needs Python's venv module, which python3 came without; install it"),
        ({"python3": "too old"}, "Perisai needs Python 3.11, 3.12 or 3.13 with venv, and none of python3, python3.13"),
        ({"python3": "too old", "python3.12": "no venv"}, "Python's venv module, which python3.12 came without"),
        ({}, "Perisai needs Python 3.11, 3.12 or 3.13 with venv"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value.values()) or "none",
)
def test_a_missing_python_is_told_in_one_sentence(tmp_path: Path, pythons: dict[str, str], told: str) -> None:
    done = _set_up(tmp_path, pythons)
    assert done.returncode == 1
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1


# Stands for a Python: its exit code answers the two questions that the set-up asks of each.
STANDS_FOR = {
    "no venv": '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1;; esac\n',
    "too old": "#!/bin/sh\nexit 1\n",
}


def _set_up(tmp_path: Path, pythons: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """The set-up in a checkout without .venv, on a machine that has these Pythons."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in ("dirname", "cmp", "grep", "rm", "cp"):
        (programs / tool).symlink_to(shutil.which(tool) or tool)
    for name, kind in pythons.items():
        (programs / name).write_text(STANDS_FOR[kind])
        (programs / name).chmod(0o755)
    (tmp_path / "checkout" / "deploy").mkdir(parents=True)
    script = shutil.copy(PROJECT / "deploy" / "setup.sh", tmp_path / "checkout" / "deploy")
    bash = shutil.which("bash")
    assert bash
    return subprocess.run([bash, script], env={"PATH": str(programs)}, capture_output=True, text=True, check=False)
