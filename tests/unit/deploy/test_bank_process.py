"""The bank as its supervisor starts it: the key it prints, and a stop that finishes what is in hand."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx

from tests.unit.deploy.fake_biller import CLIENT_KEY, PARTNER, SECRET, FakeBiller
from tests.unit.deploy.serving import eventually, process, served

ANI = "8800000000000001"


def variables(folder: Path, biller_url: str) -> dict[str, str]:
    return {
        "DATA_DIR": str(folder),
        "BILLER_URL": f"{biller_url}/snap/v1.0",
        "PARTNER_ID": PARTNER,
        "CLIENT_KEY": CLIENT_KEY,
        "CLIENT_SECRET": SECRET,
        "VA_PREFIX": "15973",
    }


def public_key(folder: Path) -> str:
    return subprocess.run(
        [sys.executable, "-m", "deploy.local.bank", "public-key"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), "DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


async def test_prints_the_key_it_will_sign_with_and_finishes_the_payment_in_hand_when_stopped(tmp_path: Path) -> None:
    biller = FakeBiller({ANI: 36_800}, public_key=public_key(tmp_path), answer_s=0.4)
    async with served(biller.app()) as url:
        with process("bank", variables(tmp_path, url)) as (started, address):
            async with httpx.AsyncClient(base_url=address, timeout=60) as client:
                paying = asyncio.create_task(client.post("/pay", json={"customer_no": ANI}))

                async def in_hand() -> bool:
                    return len(biller.of("25")) == 1

                await eventually(in_hand)
                started.terminate()
                answer = (await paying).json()
                assert (answer["state"], answer["code"]) == ("done", "2002500")
                assert await asyncio.to_thread(started.wait, 60) == 0


async def test_a_payment_in_hand_when_the_bank_was_killed_is_settled_by_the_next(tmp_path: Path) -> None:
    biller = FakeBiller({ANI: 36_800}, public_key=public_key(tmp_path))
    biller.script["25"].append("hang")
    async with served(biller.app()) as url:
        with process("bank", variables(tmp_path, url)) as (started, address):
            async with httpx.AsyncClient(base_url=address, timeout=60) as client:
                await client.post("/pay", json={"customer_no": ANI, "wait": False})

                async def in_hand() -> bool:
                    return len(biller.of("25")) == 1

                await eventually(in_hand)
                started.kill()
                await asyncio.to_thread(started.wait, 60)
        with process("bank", variables(tmp_path, url)) as (_, address):
            async with httpx.AsyncClient(base_url=address, timeout=60) as client:

                async def done() -> bool:
                    states = (await client.get("/books")).json()["states"]
                    return bool(states["done"] == {"count": 1, "rupiah": 36_800})

                await eventually(done)
        biller.closing.set()
    assert len(biller.posted) == 1


def test_a_private_key_that_is_none_ends_in_a_sentence(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("no key")
    values = variables(tmp_path, "http://127.0.0.1:9") | {"PRIVATE_KEY_FILE": str(key)}
    with process("bank", values) as (started, _):
        _, said = started.communicate(timeout=60)
        assert started.returncode == 1
        assert said.startswith(f"bank: cannot use the private key {key}") and said.count("\n") == 1


def test_an_unknown_argument_ends_in_a_sentence(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "deploy.local.bank", "publik-key"], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (1, "bank: unknown argument 'publik-key': the only one is public-key\n")
