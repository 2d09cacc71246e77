"""When containers are chosen, what is said if they cannot be had, and that they run with the embedded servers' settings.

Docker's command is a stand-in that answers as the real one does; the real one is seen by deploy/containers/prove.sh.
"""

from pathlib import Path

import pytest

from deploy.local.kafka import broker
from deploy.local.trouble import Trouble
from tests.support import containers

KAFKA, POSTGRES = containers.KAFKA_IMAGE, containers.POSTGRES_IMAGE


def _docker(folder: Path, monkeypatch: pytest.MonkeyPatch, *, has: tuple[str, ...] | None) -> None:
    """The only `docker` on PATH: its daemon has these images and can pull and remove nothing, or (None) does not answer."""
    script = folder / "docker"
    known = "".join(f' "{image}"|' for image in has or ()) + " nothing"
    script.write_text(f"""#!/bin/sh
[ {0 if has is None else 1} = 1 ] || exit 1
case $1 in
  version) exit 0 ;;
  image) case $3 in{known}) exit 0 ;; esac ;;
esac
exit 1
""")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.mark.parametrize(
    ("has", "chosen"),
    [(None, False), ((), False), ((KAFKA,), False), ((POSTGRES,), False), ((KAFKA, POSTGRES), True)],
    ids=["no daemon", "no image", "Kafka alone", "PostgreSQL alone", "both"],
)
def test_containers_are_at_hand_only_with_a_daemon_and_both_images(
    has: tuple[str, ...] | None, chosen: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _docker(tmp_path, monkeypatch, has=has)
    assert containers.at_hand() is chosen


def test_without_dockers_command_containers_are_not_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not containers.at_hand()


def test_demanded_containers_without_an_image_fail_with_its_name_and_the_way_to_build_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _docker(tmp_path, monkeypatch, has=(KAFKA,))
    with pytest.raises(
        Trouble, match=rf"image {POSTGRES} is neither here nor to be had; .*deploy/containers/build\.sh"
    ):
        containers.start()


def test_a_container_that_stays_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _docker(tmp_path, monkeypatch, has=())
    with pytest.raises(Trouble, match=r"could not be removed.*docker rm -fv aa bb"):
        containers.remove(["aa", "bb"])


def test_the_broker_in_a_container_has_the_settings_of_the_embedded_one_and_listens_to_the_outside(
    tmp_path: Path,
) -> None:
    node = broker.Node(1, 23_456, 9093)
    embedded = broker.settings(node, [node], tmp_path)
    given = {
        name[6:].lower().replace("_", "."): value for name, value in containers.kafka_environment(node.port).items()
    }
    assert given.pop("listeners").startswith("BROKER://0.0.0.0:23456,")
    assert given == {key: value for key, value in embedded.items() if key not in ("listeners", "log.dirs")}


def test_the_server_in_a_container_syncs_and_keeps_statements_out_of_its_log() -> None:
    arguments = containers.postgres_arguments()
    assert {"fsync=on", "synchronous_commit=on", "log_min_error_statement=panic"} <= set(arguments)
    assert not any("unix_socket" in each or "listen" in each for each in arguments)
