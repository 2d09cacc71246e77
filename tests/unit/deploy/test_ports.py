"""Ports: the demanded one, else the same as last time, else any free one; never a taken one."""

import socket
from collections.abc import Iterator

import pytest

from deploy.local import ports
from deploy.local.trouble import Trouble


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((ports.HOST, 0)) as server:
        yield server.getsockname()[1]


def test_each_name_gets_a_port_of_its_own_outside_the_range_of_outgoing_connections() -> None:
    chosen = ports.choose(["kafka", "postgres", "bank"], previous={}, demanded={})
    assert len(set(chosen.values())) == 3
    assert all(port in ports.CHOICE for port in chosen.values())


def test_the_port_of_the_last_start_is_kept_while_it_is_free() -> None:
    first = ports.choose(["kafka"], previous={}, demanded={})
    assert ports.choose(["kafka"], previous=first, demanded={}) == first


def test_another_port_is_chosen_when_the_last_one_is_taken(taken: int) -> None:
    assert ports.choose(["kafka"], previous={"kafka": taken}, demanded={})["kafka"] != taken


def test_a_demanded_port_is_used() -> None:
    free = ports.choose(["any"], previous={}, demanded={})["any"]
    assert ports.choose(["kafka-controller"], previous={}, demanded={"KAFKA_CONTROLLER_PORT": str(free)}) == {
        "kafka-controller": free
    }


def test_a_demanded_port_that_is_taken_is_refused_by_name(taken: int) -> None:
    with pytest.raises(Trouble, match=rf"^Port {taken} \(BANK_PORT\) is taken by another program"):
        ports.choose(["bank"], previous={}, demanded={"BANK_PORT": str(taken)})


@pytest.mark.parametrize("value", ["0", "65536", "-1", "http", "80 81"])
def test_a_demand_that_is_no_port_is_refused(value: str) -> None:
    with pytest.raises(Trouble, match=r"BANK_PORT=.* is not a port number"):
        ports.choose(["bank"], previous={}, demanded={"BANK_PORT": value})
