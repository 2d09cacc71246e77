"""`perisai export` in a running stack: two files that the person can take home, and a request that counts down until it is closed."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from chassis.ids import new_id
from deploy.local.outreach.doors import Doors, Person
from deploy.local.stack import LocalStack
from tests.integration.registration.world import form
from tests.support.eventually import eventually
from tests.support.perisai import Typed, typed
from tests.support.stack import open_folder

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]
BRANCH = {"code": "TGR-CMN", "name": "Tangerang Cimone", "city": "Kota Tangerang", "time_zone": "Asia/Jakarta"}


async def test_a_person_gets_both_files_and_the_request_is_closed(tmp_path: Path) -> None:
    with open_folder() as folder:
        async with (
            LocalStack(
                folder, services=("registration", "payments", "notifications", "audit"), outside=("issuer", "gateway")
            ) as stack,
            httpx.AsyncClient(trust_env=False, timeout=60) as client,
        ):
            doors = Doors(stack, client)
            branch = await doors.post("registration", "/branches", Person("central-1", "central"), BRANCH, key="b")
            officer = Person("officer-1", "officer", {"branch_id": branch["branch_id"]})
            person = form(name="Sasmaya Prawirodirjo", address="Gang Mawar 7")
            made = await doors.post("registration", "/participants", officer, person, key="p")
            who = made["participant_id"]
            told: list[Typed] = []

            async def everybody_knows() -> bool:
                into = tmp_path / str(len(told))
                into.mkdir()
                told.append(await typed(stack.folder, "export", who, "--into", str(into), "--json"))
                assert told[-1].code == 0, told[-1].errors
                file = Path(told[-1].told["files"]["json"])
                return all(json.loads(file.read_text(encoding="utf-8"))["services"].values())

            await eventually(everybody_knows, what="the person in every service")
            assert len({one.told["export_id"] for one in told}) == 1, "one request, however often it is fetched"
            files = told[-1].told["files"]
            text = Path(files["json"]).read_text(encoding="utf-8")
            for value in (person["nik"], "Sasmaya Prawirodirjo", "Gang Mawar 7", made["contribution_code"]):
                assert value in text
            page = Path(files["html"]).read_text(encoding="utf-8")
            assert "Sasmaya Prawirodirjo" in page and "Salinan data pribadi" in page
            again = await typed(stack.folder, "export", who, "--into", str(Path(files["json"]).parent))
            assert (again.code, again.out) == (1, "") and "tidak ditulis / not written" in again.errors
            listed = await doors.get("registration", "/exports", officer, open="true")
            assert [one["hours_left"] for one in listed["items"]] == [71]
            assert (await typed(stack.folder, "export", who, "--given")).code == 0
            assert (await doors.get("registration", "/exports", officer, open="true"))["items"] == []
            closed = await typed(stack.folder, "export", who, "--given")
            assert closed.code == 1 and "export_not_asked" in closed.errors
            nobody = await typed(stack.folder, "export", str(new_id()))
            assert nobody.code == 1 and "not_found" in nobody.errors
