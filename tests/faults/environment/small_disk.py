"""A folder of a server on a disk of its own that is small: a mount in memory, which can be filled to the last byte and freed again.

What the server keeps there outlives the server, as on any disk; the mount is gone with the block.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.cells import NotHere
from tests.faults.ground import Ground

PIECE = 1 << 20
FILLER = "filler"


@dataclass
class SmallDisk:
    """`fill` until nothing more goes in, `free` what was filled. `filler`: where the server minds no file of somebody else's."""

    place: Path
    filler: Path

    def fill(self) -> bool:
        """Whether the disk is full now; what others gave back since is taken too."""
        with self.filler.open("ab", buffering=0) as filler:
            size = PIECE
            while size:
                try:
                    filler.write(b"\0" * size)
                except OSError:
                    size //= 2
        return self.full

    def free(self) -> None:
        self.filler.unlink(missing_ok=True)

    @property
    def full(self) -> bool:
        return shutil.disk_usage(self.place).free == 0


@asynccontextmanager
async def small_disk(
    ground: Ground, server: str, place: Path, *, spare_mib: int, filler: str = FILLER
) -> AsyncIterator[SmallDisk]:
    """Within the block `place`, a folder of the server's data, is such a disk, with so much room beside what it holds.

    The server is stopped in order and started for both moves, whatever became of it in the block. Raises NotHere where nothing can be mounted.
    """
    await require_mounts()
    stack, aside = ground.estate.stack, place.with_name(f"{place.name}.aside")
    disk = SmallDisk(place, place / filler)
    await stack.stop(server)
    await asyncio.to_thread(_move_in, place, aside, spare_mib)
    try:
        await stack.restart(server)
        await ground.until_well(within_s=60)
        yield disk
    finally:
        await stack.stop(server)
        disk.free()
        await asyncio.to_thread(_move_out, place, aside)
    await stack.restart(server)


async def require_mounts() -> None:
    """Tries it. Raises NotHere with the reason."""
    with tempfile.TemporaryDirectory(prefix="perisai-mount-") as folder:
        done = await asyncio.create_subprocess_exec(
            *("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        if await done.wait():
            raise NotHere("a full disk needs a mount of its own, and only root may mount; this machine does not let us")
        _run("umount", folder)


def _move_in(place: Path, aside: Path, spare_mib: int) -> None:
    owner = place.stat()
    place.rename(aside)
    place.mkdir()
    size = _used(aside) + (spare_mib << 20)
    how = f"size={size},mode={owner.st_mode & 0o777:o},uid={owner.st_uid},gid={owner.st_gid}"
    _run("mount", "-t", "tmpfs", "-o", how, "tmpfs", str(place))
    _copy(aside, place)
    shutil.rmtree(aside)


def _move_out(place: Path, aside: Path) -> None:
    owner = place.stat()
    aside.mkdir(mode=owner.st_mode & 0o777)
    os.chown(aside, owner.st_uid, owner.st_gid)
    try:
        _copy(place, aside)
    finally:
        _run("umount", "--lazy", str(place))
    place.rmdir()
    aside.rename(place)


def _copy(source: Path, target: Path) -> None:
    """With owners and times; holes stay holes, for an index of Kafka's is mostly one."""
    _run("cp", "-a", "--sparse=always", f"{source}/.", str(target))


def _used(folder: Path) -> int:
    """Bytes that the files really take."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv[0]}: {done.stderr.strip()[-300:]}"
