"""No jar runs that is not the one in the lock; a small lock of made-up jars stands for Kafka's."""

import hashlib
from pathlib import Path

import pytest

from deploy.local.kafka import jars
from deploy.local.trouble import Trouble

CONTENT = b"a jar"
SPEC = b'[dependencies]\ncoordinates = ["org.example:thing:1.0"]\n'


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    folder = tmp_path / "lock"
    folder.mkdir()
    (folder / "jgo.toml").write_bytes(SPEC)
    (folder / "jgo.lock.toml").write_text(
        f'[metadata]\nspec_hash = "{hashlib.sha256(SPEC).hexdigest()[:16]}"\n[[dependencies]]\ngroupId = "org.example"\n'
        f'artifactId = "thing"\nversion = "1.0"\nsha256 = "{hashlib.sha256(CONTENT).hexdigest()}"\n'
    )
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "thing-1.0.jar").write_bytes(CONTENT)
    return folder


def _silent(_: str) -> None:
    """Says nothing."""


def test_verified_jars_are_used_without_the_network(lock: Path, cache: Path) -> None:
    assert jars.class_path(cache, tell=_silent, lock=lock) == [cache / "thing-1.0.jar"]


def test_an_altered_jar_is_refused_by_name(lock: Path, cache: Path) -> None:
    (cache / "thing-1.0.jar").write_bytes(CONTENT + b"!")
    with pytest.raises(Trouble, match=r"thing-1\.0\.jar is not the jar of the lock .*delete it"):
        jars.class_path(cache, tell=_silent, lock=lock)


def test_a_lock_older_than_its_specification_is_stale(lock: Path, cache: Path) -> None:
    (lock / "jgo.toml").write_bytes(SPEC.replace(b"1.0", b"2.0"))
    with pytest.raises(Trouble, match=r"jgo\.lock\.toml is stale: .*run `make lock`"):
        jars.class_path(cache, tell=_silent, lock=lock)


def test_a_lock_that_cannot_be_read_is_told(lock: Path, cache: Path) -> None:
    (lock / "jgo.lock.toml").write_text("[metadata]\n")
    with pytest.raises(Trouble, match="cannot be read"):
        jars.class_path(cache, tell=_silent, lock=lock)


def test_a_first_start_without_the_network_says_what_it_needs(
    lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAVEN_REPOSITORY", "http://127.0.0.1:9")
    with pytest.raises(
        Trouble, match=r"org\.example:thing:1\.0 could not be downloaded .*the first start needs the network"
    ):
        jars.class_path(tmp_path / "empty", tell=_silent, lock=lock)
    assert list((tmp_path / "empty").iterdir()) == []


def test_the_committed_lock_is_the_one_of_the_committed_specification() -> None:
    locked = jars.read_lock()
    assert {jar.artifact: jar.version for jar in locked}["kafka_2.13"] == "4.4.0"
    assert all(len(jar.sha256) == 64 for jar in locked)
