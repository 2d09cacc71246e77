"""PostgreSQL refuses to run as root: root drops to `nobody` in the child, everybody else just runs.

No permission outside our own folders is ever changed: what `nobody` cannot reach is copied to where it can, or named.
"""

import os
import pwd
import stat
from pathlib import Path

from deploy.local.process import User
from deploy.local.trouble import Trouble


def unprivileged() -> User | None:
    """The account for PostgreSQL; None if the calling user may run it."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise Trouble(
            "PostgreSQL does not run as root and this machine has no user `nobody`; run make as an ordinary user."
        ) from error
    return User("nobody", entry.pw_uid, entry.pw_gid)


def barrier(path: Path, user: User) -> Path | None:
    """The first folder on the way to `path` (or `path` itself) that `user` may not enter or read; None if it can."""
    path = path.resolve()
    for place in (*reversed(path.parents), path):
        status = place.stat()
        needed = 0o5 if place == path and stat.S_ISDIR(status.st_mode) else 0o4 if place == path else 0o1
        shift = 6 if status.st_uid == user.uid else 3 if status.st_gid == user.gid else 0
        if (status.st_mode >> shift) & needed != needed:
            return place
    return None
