"""Copies of this tree to break. A copy holds what git tracks, as it stands in the working folder, and runs with this interpreter and its packages.

The project is installed editable, so a copy's packages must come first on the path; that they do is asked of the copy itself before it is used.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.local import places

PATCHES = Path(__file__).parent


class DoesNotApply(Exception):
    """The patch is out of date: the code that it breaks has changed."""


def copy_to(folder: Path) -> Path:
    """A fresh copy in a new folder."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=places.PROJECT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        source, target = places.PROJECT / name, folder / name
        if source.is_file():  # one that is deleted and not yet committed is not there
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return folder


def patch_of(build: str) -> Path:
    return PATCHES / f"{build}.patch"


def break_it(copy: Path, build: str) -> None:
    """Applies the patch of a broken build. Raises DoesNotApply."""
    done = _apply(copy, build)
    if done.returncode:
        raise DoesNotApply(f"{build}: {done.stderr.strip()}")


def applies(build: str) -> bool:
    """Whether the patch fits the tree as it stands."""
    return _apply(places.PROJECT, build, "--check").returncode == 0


def _apply(folder: Path, build: str, *more: str) -> subprocess.CompletedProcess[str]:
    # A copy is no repository; without the ceiling git would look for one above it and skip what lies outside of that.
    environ = os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
    argv = ["git", "apply", *more, str(patch_of(build))]
    return subprocess.run(argv, cwd=folder, env=environ, capture_output=True, text=True, check=False)


def environment(copy: Path, **more: str) -> dict[str, str]:
    """For programs that run in the copy: its packages first, the downloads of this checkout, servers as given in `more`."""
    return os.environ | {"PYTHONPATH": str(copy), "PERISAI_CACHE": str(places.cache())} | more


def assert_own_packages(copy: Path) -> None:
    """That the copy would run its own code and not this tree's."""
    program = "import chassis, contracts, services, deploy, tests; print(*(m.__path__[0] for m in (chassis, contracts, services, deploy, tests)))"
    argv = [sys.executable, "-c", program]
    found = subprocess.run(
        argv, cwd=copy, env=environment(copy), capture_output=True, text=True, check=True
    ).stdout.split()
    elsewhere = [path for path in found if Path(path).parent.resolve() != copy.resolve()]
    if elsewhere:
        raise RuntimeError(f"the copy in {copy} would run {elsewhere}")
