"""`perisai payments check-signature` and `conformance`, as they are typed by a bank's team, without any setting of ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from typer.testing import CliRunner, Result

from deploy.cli import WITHOUT_SETTINGS
from services.payments.cli import app
from services.payments.kit.cli import COMMANDS
from services.payments.kit.document import document
from services.payments.kit.exchanges import CASES
from services.payments.kit.lacking import LACKS
from tests.integration.payments.bank import KEY, pem, sign_rsa

SECRET, TOKEN, TIME = "a-secret-of-the-tests-0001", "tok-TEST", "2026-11-22T10:15:30+07:00"
PATH, BODY = "/snap/v1.0/transfer-va/inquiry", b'{"customerNo": "1"}'


def signed(hashed: str) -> str:
    text = f"POST:{PATH}:{TOKEN}:{hashed}:{TIME}"
    return base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha512).digest()).decode()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "body").write_bytes(BODY)
    (tmp_path / "secret").write_text(SECRET + "\n")
    (tmp_path / "key.pem").write_text(pem())
    return tmp_path


def typed(*words: str, **more: Any) -> Result:
    return CliRunner().invoke(app, ["check-signature", *words], **more)


def headers(signature: str) -> list[str]:
    lines = (f"X-TIMESTAMP: {TIME}", f"X-SIGNATURE: {signature}", f"Authorization: Bearer {TOKEN}")
    return [word for line in lines for word in ("--header", line)]


def call(files: Path) -> list[str]:
    return ["--path", PATH, "--body", str(files / "body"), "--secret-file", str(files / "secret")]


def test_a_good_signature_exits_0(files: Path) -> None:
    result = typed(*call(files), *headers(signed(hashlib.sha256(BODY).hexdigest())))
    assert (result.exit_code, result.output.splitlines()[0]) == (0, "The signature is right.")


def test_a_wrong_one_exits_1_and_says_what_was_done_otherwise(files: Path) -> None:
    signature = signed(hashlib.sha256(BODY).hexdigest().upper())
    result = typed(*call(files), *headers(signature), "--json")
    told = json.loads(result.output)
    assert (result.exit_code, told["verifies"]) == (1, False)
    assert "capitals" in told["mistakes"][0]
    assert SECRET not in typed(*call(files), *headers(signature)).output


def test_a_body_may_come_from_standard_input_and_headers_from_a_file(files: Path) -> None:
    lines = files / "headers"
    signature = signed(hashlib.sha256(BODY).hexdigest())
    lines.write_text(f"x-timestamp: {TIME}\nX-Signature: {signature}\nAUTHORIZATION: Bearer {TOKEN}\n\n")
    words = ["--path", PATH, "--body", "-", "--headers", str(lines)]
    assert typed(*words, input=BODY, env={"PERISAI_CHECK_SECRET": SECRET}).exit_code == 0


def test_the_bank_s_own_string_is_compared_with_ours(files: Path) -> None:
    theirs = files / "string"
    theirs.write_text(f"POST:{PATH}:{TOKEN}:{'0' * 64}:{TIME}")
    told = json.loads(typed(*call(files), *headers("AAAA"), "--string-to-sign", str(theirs), "--json").output)
    assert "they part at character" in told["difference"]


def test_a_timestamp_that_is_not_the_one_sent_is_found_or_asked_for(files: Path) -> None:
    def signed_at(time: str) -> str:
        text = f"POST:{PATH}:{TOKEN}:{hashlib.sha256(BODY).hexdigest()}:{time}"
        return base64.b64encode(hmac.new(SECRET.encode(), text.encode(), hashlib.sha512).digest()).decode()

    told = typed(*call(files), *headers(signed_at("2026-11-22T10:15:29+07:00"))).output
    assert "but 2026-11-22T10:15:29+07:00: 1 s earlier" in told
    far = headers(signed_at("2026-11-20T08:00:00+07:00"))
    assert "--signed-timestamp" in typed(*call(files), *far).output
    told = typed(*call(files), *far, "--signed-timestamp", "2026-11-20T08:00:00+07:00").output
    assert "but 2026-11-20T08:00:00+07:00" in told


def test_a_request_for_a_token_is_judged_with_the_public_key(files: Path) -> None:
    lines = (f"X-TIMESTAMP: {TIME}", "X-CLIENT-KEY: client-a", f"X-SIGNATURE: {sign_rsa(f'client-a|{TIME}', KEY)}")
    words = [word for line in lines for word in ("--header", line)]
    result = typed("--path", "/snap/v1.0/access-token/b2b", "--public-key", str(files / "key.pem"), *words)
    assert result.exit_code == 0


@pytest.mark.parametrize(
    "words",
    [
        ["--path", PATH],
        ["--path", PATH, "--header", "X-SIGNATURE: x", "--header", f"X-TIMESTAMP: {TIME}"],
        ["--path", PATH, *headers("x")],
        ["--path", PATH, *headers("x"), "--body", "/nowhere/at/all"],
        ["--path", PATH, *headers("x"), "--public-key", __file__],
    ],
)
def test_what_cannot_be_told_exits_2_and_says_why(words: list[str]) -> None:
    result = typed(*words, env={"PERISAI_CHECK_SECRET": ""})
    assert result.exit_code == 2
    assert result.output


def test_a_blank_signature_is_named_and_a_token_without_its_word_is_shown_to_nobody(files: Path) -> None:
    blank = typed(*call(files), *headers(""))
    assert (blank.exit_code, "X-SIGNATURE is blank" in blank.output) == (2, True)
    bare = [word.replace("Bearer ", "") for word in headers("x")]
    told = typed(*call(files), *bare)
    assert (told.exit_code, "with that word before the token" in told.output) == (2, True)
    assert TOKEN not in told.output


def test_credentials_that_are_none_are_refused_without_being_quoted(tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    file.write_text('{"base_url": "x", "sides": {"plain": {"client_secret": "do-not-tell"}}, "numbers": {}}')
    result = CliRunner().invoke(app, ["conformance", "--credentials", str(file)])
    assert result.exit_code == 2
    assert "do-not-tell" not in result.output


def test_a_run_that_failed_says_that_its_numbers_may_be_used_up(tmp_path: Path) -> None:
    key = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    side = {"partner_id": "1", "client_key": "k", "client_secret": SECRET, "private_key": key, "prefix": "8100"}
    file = tmp_path / "credentials.json"
    file.write_text(json.dumps({"base_url": "http://127.0.0.1:1", "sides": {"plain": side}, "numbers": {}}))
    words = ["conformance", "--credentials", str(file), "--only"]
    told = CliRunner().invoke(app, [*words, "a good key gets a token"])
    assert (told.exit_code, "perisai payments sandbox" in told.output) == (1, True), told.output
    found = json.loads(CliRunner().invoke(app, [*words, "a number that is blocked", "--json"]).output)
    assert "do not name" in found["hints"][0]
    assert {why for one in found["exchanges"] for why in one["why"]} == {
        f"needs a number that is `blocked`: {LACKS['blocked'].why}"
    }


def test_what_the_sandbox_does_not_play_is_published_with_the_very_reason() -> None:
    """As many exchanges as the cases have; tests/system/test_sandbox.py shows that it plays all others."""
    steps = {case.name: len(case.steps) for case in CASES}
    assert {lack.case for lack in LACKS.values()} <= {*steps}
    page, skipped = document(), sum(steps[lack.case] for lack in LACKS.values())
    every = sum(len(case.steps) for case in CASES)
    assert f"Of the {every} exchanges of `perisai payments conformance` {skipped} are skipped" in page
    for kind, lack in LACKS.items():
        assert f"| {lack.case} | {steps[lack.case]} | `{kind}` | {lack.why} |" in page


def test_the_kit_runs_without_the_settings_of_the_service() -> None:
    assert {*COMMANDS} <= WITHOUT_SETTINGS["payments"]
