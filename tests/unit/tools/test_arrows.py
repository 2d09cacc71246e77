"""The import contracts are shown a small house with every forbidden arrow in it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[3]

HOUSE = {
    "contracts/event.py": "",
    "contracts/events/__init__.py": "",
    "contracts/snapshots.py": "",
    "contracts/compatibility.py": "",
    "chassis/problems.py": "",
    "chassis/relay.py": "import contracts.event",
    "services/registration/domain.py": "import chassis.problems",
    "services/payments/domain/__init__.py": "",
    "services/payments/domain/bill.py": "import contracts.event",
    "services/payments/api.py": "import chassis.relay",
    "services/notifications/domain.py": "",
    "services/audit/domain.py": "",
    "deploy/cli.py": "import services.payments.api",
}
FORBIDDEN = {
    "contracts/event.py": "import chassis.problems",
    "services/payments/consumers.py": "import services.registration.domain",
    "services/payments/relay.py": "import aiokafka",
    "services/payments/domain/bill.py": "import sqlalchemy",
    "services/registration/domain.py": "import chassis.relay",
    "chassis/relay.py": "import contracts.events",
}
CONTRACTS = (
    "Arrows point one way",
    "No service imports another",
    "only the chassis",
    "Rules are pure",
    "knows no event",
)


def build(folder: Path, files: dict[str, str]) -> None:
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    for package in [path for path in folder.rglob("*") if path.is_dir()]:
        (package / "__init__.py").touch()
    shutil.copy(PROJECT / ".importlinter", folder)


def lint(folder: Path) -> tuple[int, str]:
    program = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run(
        [program, "--no-cache", "--no-logo"], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    return ended.returncode, " ".join((ended.stdout + ended.stderr).split())


def test_house_as_designed_is_kept(tmp_path: Path) -> None:
    build(tmp_path, HOUSE)
    code, told = lint(tmp_path)
    assert (code, "5 kept, 0 broken" in told) == (0, True), told


def test_every_forbidden_arrow_is_found(tmp_path: Path) -> None:
    build(tmp_path, {**HOUSE, **FORBIDDEN})
    code, told = lint(tmp_path)
    assert code == 1
    assert "0 kept, 5 broken" in told, told
    for name in CONTRACTS:
        assert name in told
