"""What every outside party does as a process: a sentence for a wrong setting, one owner per folder, a clean stop."""

import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import Request
from fastapi.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from deploy.local.outside.body_limit import BodyLimit
from deploy.local.outside.environment import Environment, SettingError
from tests.unit.deploy.serving import process

ISSUER = {"ADMIN_TOKEN": "admin-secret", "ISSUER": "http://issuer.test"}


def test_a_party_announces_its_address_and_stops_cleanly_when_told(tmp_path: Path) -> None:
    with process("issuer", {"DATA_DIR": str(tmp_path), **ISSUER}) as (started, address):
        assert httpx.get(f"{address}/health/ready", timeout=60).json() == {"status": "ready"}
        started.send_signal(signal.SIGTERM)
        assert started.wait(timeout=60) == 0


def test_a_second_process_on_the_same_folder_ends_in_a_sentence(tmp_path: Path) -> None:
    values = {"DATA_DIR": str(tmp_path), **ISSUER}
    with process("issuer", values) as (_, address), process("issuer", values) as (second, _):
        assert address
        _, said = second.communicate(timeout=60)
        assert second.returncode == 1
        assert said.count("\n") == 1 and "belongs to another running process" in said


def test_a_killed_process_leaves_no_stale_lock(tmp_path: Path) -> None:
    values = {"DATA_DIR": str(tmp_path), **ISSUER}
    with process("issuer", values) as (first, _):
        first.kill()
        first.wait(timeout=60)
        with process("issuer", values) as (_, address):
            assert httpx.get(f"{address}/health/ready", timeout=60).status_code == 200


def test_a_taken_port_ends_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with process("issuer", {"DATA_DIR": str(tmp_path), "PORT": port, **ISSUER}) as (started, _):
            _, said = started.communicate(timeout=60)
            assert started.returncode == 1
            assert said.startswith(f"issuer: cannot listen on HOST 127.0.0.1 PORT {port}") and said.count("\n") == 1


@pytest.mark.parametrize("missing", ["DATA_DIR", "ADMIN_TOKEN"])
def test_a_missing_setting_ends_in_a_sentence_that_names_it(tmp_path: Path, missing: str) -> None:
    values = {"DATA_DIR": str(tmp_path), **ISSUER, missing: ""}
    with process("issuer", values) as (started, _):
        _, said = started.communicate(timeout=60)
        assert started.returncode == 1
        assert said.startswith(f"issuer: {missing} is not set") and said.count("\n") == 1


class TestEnvironment:
    @pytest.mark.parametrize("value", ["-1", "5.5", "11", "ten", "٣"])
    def test_integer_outside_its_range_is_named(self, value: str) -> None:
        with pytest.raises(SettingError, match=r"COUNT is .* from 0 to 10"):
            Environment({"COUNT": value}).integer("COUNT", 3, low=0, high=10)

    @pytest.mark.parametrize("value", ["nan", "inf", "-0.1", "soon"])
    def test_seconds_must_be_a_number_in_range(self, value: str) -> None:
        with pytest.raises(SettingError, match=r"WAIT_S is .* number of seconds"):
            Environment({"WAIT_S": value}).seconds("WAIT_S", 1)

    @pytest.mark.parametrize("value", ["ftp://x", "127.0.0.1:80", "http://", "http://x/?q=1"])
    def test_url_must_be_an_http_address(self, value: str) -> None:
        with pytest.raises(SettingError, match=r"SITE is .* must be an address"):
            Environment({"SITE": value}).url("SITE")

    def test_choice_lists_what_is_allowed(self) -> None:
        with pytest.raises(SettingError, match="MODE is 'C': it must be one of A, B"):
            Environment({"MODE": "C"}).choice("MODE", "A", ["A", "B"])

    def test_an_empty_value_counts_as_absent(self) -> None:
        environment = Environment({"PORT": "  ", "SITE": ""})
        assert environment.integer("PORT", 7, low=0, high=9) == 7
        assert environment.url("SITE", "http://here/") == "http://here"

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        blocked = tmp_path / "file"
        blocked.write_text("")
        with pytest.raises(SettingError, match=r"DATA_DIR is .*cannot make that folder"):
            Environment({"DATA_DIR": str(blocked / "inner")}).folder("DATA_DIR")


class TestBodyLimit:
    async def answer(self, content: bytes | AsyncIterator[bytes]) -> tuple[int, str]:
        async def echo(scope: Scope, receive: Receive, send: Send) -> None:
            await PlainTextResponse(str(len(await Request(scope, receive).body())))(scope, receive, send)

        transport = httpx.ASGITransport(BodyLimit(echo, limit=10))
        async with httpx.AsyncClient(transport=transport, base_url="http://party.test") as client:
            found = await client.post("/", content=content)
        return found.status_code, found.text

    async def test_a_body_up_to_the_limit_passes(self) -> None:
        assert await self.answer(b"x" * 10) == (200, "10")
        assert await self.answer(b"") == (200, "0")

    async def test_a_longer_body_is_refused(self) -> None:
        status, said = await self.answer(b"x" * 11)
        assert (status, "at most 10 bytes" in said) == (413, True)

    async def test_a_body_of_unannounced_length_is_refused(self) -> None:
        async def parts() -> AsyncIterator[bytes]:
            yield b"x"

        assert (await self.answer(parts()))[0] == 411
