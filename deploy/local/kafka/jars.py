"""No jar runs that is not, byte for byte, the one in the committed lock.

jgo 3.2 writes a lock and never enforces it (`jgo sync` resolves afresh and accepts an altered sha256), so the lock is read
here: each coordinate of `jgo.lock.toml` is fetched alone, into a temporary folder, compared, and only then moved to the cache.
"""

import hashlib
import os
import ssl
import sys
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from deploy.local import places
from deploy.local.trouble import Trouble

HERE = Path(__file__).parent
DOWNLOADS_AT_ONCE = 4


@dataclass(frozen=True)
class Jar:
    """One line of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"


def read_lock(folder: Path = HERE) -> list[Jar]:
    """The jars of `jgo.lock.toml`; Trouble if the lock is missing, unreadable or older than `jgo.toml`."""
    try:
        wanted = (folder / "jgo.toml").read_bytes()
        lock = tomllib.loads((folder / "jgo.lock.toml").read_text(encoding="utf-8"))
        jars = [Jar(d["groupId"], d["artifactId"], d["version"], d["sha256"]) for d in lock["dependencies"]]
        locked = lock["metadata"]["spec_hash"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise Trouble(
            f"The lock of Kafka's jars in {folder} cannot be read ({error!r}); restore it, or run `make lock`."
        ) from error
    if hashlib.sha256(wanted).hexdigest()[: len(locked)] != locked:
        raise Trouble(f"{folder / 'jgo.lock.toml'} is stale: jgo.toml was changed after it was made; run `make lock`.")
    return jars


def class_path(cache: Path, *, tell: Callable[[str], None], lock: Path = HERE) -> list[Path]:
    """The verified jars, downloaded into `cache` where missing. Offline when all are there.

    Raises Trouble for a stale lock, an altered jar or a download that fails.
    """
    jars = read_lock(lock)
    cache.mkdir(parents=True, exist_ok=True)
    missing = [jar for jar in jars if not (cache / jar.file_name).exists()]
    if missing:
        _download(missing, cache, tell)
    for jar in jars:
        _verify(jar, cache / jar.file_name)
    return [cache / jar.file_name for jar in jars]


def _verify(jar: Jar, path: Path) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != jar.sha256:
        raise Trouble(
            f"{path} is not the jar of the lock (sha256 {found[:12]}…, locked {jar.sha256[:12]}…); "
            "delete it to have it downloaded again, and do not run it."
        )


def _download(jars: Sequence[Jar], cache: Path, tell: Callable[[str], None]) -> None:
    tell(f"downloading {len(jars)} jars of Apache Kafka (once, about 45 MB in all)")
    done = 0
    with tempfile.TemporaryDirectory(dir=cache, prefix="incoming-") as incoming:
        with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
            for jar in pool.map(lambda jar: _fetch(jar, Path(incoming), cache), jars):
                done += 1
                tell(f"  {done:2}/{len(jars)} {jar.file_name}")


def _fetch(jar: Jar, incoming: Path, cache: Path) -> Jar:
    """Fetches one jar through jgo, which knows the mirrors configured on this machine."""
    from jgo.config import GlobalSettings  # a development dependency, needed for the first start alone
    from jgo.maven import MavenContext

    os.environ.setdefault("REQUESTS_CA_BUNDLE", _trusted_by_the_machine())
    mirrors = dict(GlobalSettings.load().repositories)
    if os.environ.get("MAVEN_REPOSITORY"):
        mirrors = {"central": os.environ["MAVEN_REPOSITORY"]}
    context = MavenContext(repo_cache=incoming, remote_repos=mirrors or None, timeout=60)
    try:
        path = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    except (OSError, RuntimeError) as error:  # every error of requests is an OSError
        raise Trouble(
            f"{jar.group}:{jar.artifact}:{jar.version} could not be downloaded ({type(error).__name__}); the first start needs "
            "the network or a mirror in MAVEN_REPOSITORY, later ones do not."
        ) from error
    _verify(jar, path)
    os.replace(path, cache / jar.file_name)
    return jar


def _trusted_by_the_machine() -> str:
    """The machine's own certificates, which pip uses too; requests would take the list inside certifi, which knows no local proxy."""
    paths = ssl.get_default_verify_paths()
    places = (os.environ.get("PIP_CERT"), os.environ.get("SSL_CERT_FILE"), paths.cafile, paths.openssl_capath)
    return next((place for place in places if place and Path(place).exists()), "")


if __name__ == "__main__":
    try:
        class_path(places.cache() / "jars", tell=print)
    except Trouble as trouble:
        sys.exit(trouble.told())
