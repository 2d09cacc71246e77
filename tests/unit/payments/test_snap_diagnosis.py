"""A bank's team sends a signature that we refuse: what they did otherwise is named, and nothing is named that they did not do."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from services.payments.kit.diagnosis import Call, Finding, first_difference, of_key, of_secret
from tests.integration.payments.bank import KEY, OTHER_KEY

SECRET, TOKEN = "a-secret-of-the-tests-0001", "tok-TEST"
TIME = "2026-11-22T10:15:30+07:00"
PATH = "/snap/v1.0/transfer-va/inquiry"
BODY = json.dumps({"customerNo": "3276", "virtualAccountName": "Siti  Aminah Dèwi", "amount": 1}, indent=2).encode()
PLAIN = json.dumps({"virtualAccountName": "Siti  Aminah Dèwi", "customerNo": "3276"}, ensure_ascii=False).encode()
CALL = Call("POST", PATH, TIME, BODY, TOKEN)


def minified(body: bytes) -> bytes:
    return json.dumps(json.loads(body), separators=(",", ":")).encode()


def sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def mac(text: str, secret: bytes = SECRET.encode(), algorithm: str = "sha512") -> bytes:
    return hmac.new(secret, text.encode(), algorithm).digest()


def text(**parts: str) -> str:
    right = {"method": "POST", "path": PATH, "token": TOKEN, "hashed": sha(BODY), "timestamp": TIME}
    return ":".join((right | parts).values())


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def judged(signature: str, call: Call = CALL) -> Finding:
    return of_secret(call, signature, SECRET)


@pytest.mark.parametrize("body", [BODY, minified(BODY)])
def test_a_good_signature_verifies_over_the_body_as_sent_and_minified(body: bytes) -> None:
    finding = judged(b64(mac(text(hashed=sha(body)))))
    assert (finding.verifies, finding.mistakes) == (True, ())


def test_the_vector_of_the_handbook_verifies() -> None:
    """snap.md section 4, vector 1."""
    body = (
        b'{"partnerServiceId":"   15973","customerNo":"3276014509900001","virtualAccountNo":"   159733276014509900001",'
        b'"trxDateInit":"2026-11-22T10:15:30+07:00","channelCode":6011,"inquiryRequestId":"INQ-0001"}'
    )
    signature = "HjsyEq+vXp09pIVVUAdW6ZOVuQZVIKU3N/H83o+rL5/Mx4OVLWRu2iq2Kv7U9NYTpX9385+sKsIn9WjekzL4ug=="
    finding = of_secret(Call("POST", PATH, TIME, body, TOKEN), signature, "secret-TEST")
    assert finding.verifies
    assert finding.expected == signature
    assert "ef205a37bf6e637bacf227514bbfc7f5918702623cb712ea4246a8bdb00cee28" in finding.text


SORTED = json.dumps(json.loads(BODY), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
BARS = "|".join(("POST", PATH, TOKEN, sha(BODY), TIME))
MISTAKES: list[tuple[str, str, str]] = [
    ("capitals", b64(mac(text(hashed=sha(BODY).upper()))), "capitals"),
    ("hex", mac(text()).hex(), "hexadecimal instead of base64"),
    ("hash in base64", b64(mac(text(hashed=b64(hashlib.sha256(BODY).digest())))), "hash was written in base64"),
    ("body itself", b64(mac(text(hashed=BODY.decode()))), "itself instead of its hash"),
    ("blanks in texts", b64(mac(text(hashed=sha(b"".join(BODY.split()))))), "blanks were removed inside texts"),
    ("line feed", b64(mac(text(hashed=sha(BODY + b"\n")))), "line feed stood at the end"),
    ("sorted", b64(mac(text(hashed=sha(SORTED)))), "fields sorted"),
    ("no query", b64(mac(text(path=PATH))), "query string was left out"),
    ("no prefix", b64(mac(text(path=PATH.removeprefix("/snap")))), "without our prefix"),
    ("slash", b64(mac(text(path=PATH + "/"))), "slash was added"),
    ("Bearer", b64(mac(text(token=f"Bearer {TOKEN}"))), '"Bearer "'),
    ("no token", b64(mac(f"POST:{PATH}:{sha(BODY)}:{TIME}")), "token was left out"),
    ("Z", b64(mac(text(timestamp="2026-11-22T03:15:30Z"))), "signed in Z"),
    ("milliseconds", b64(mac(text(timestamp="2026-11-22T10:15:30.000+07:00"))), "milliseconds"),
    ("other method", b64(mac(text(method="GET"))), "the method GET was signed instead of POST"),
    ("small method", b64(mac(text(method="post"))), "small letters"),
    ("bars", b64(mac(BARS)), "joined with |"),
    ("SHA-256", b64(mac(text(), algorithm="sha256")), "HMAC-SHA256"),
    ("secret with line feed", b64(mac(text(), secret=SECRET.encode() + b"\n")), "secret had a line feed"),
    ("url-safe", base64.urlsafe_b64encode(mac(text(method="POST"))).decode().rstrip("="), "plain, padded base64"),
]  # fmt: skip


@pytest.mark.parametrize(("signature", "named"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_a_single_mistake_is_named(signature: str, named: str) -> None:
    call = replace(CALL, path=PATH + "?a=1") if "query" in named else CALL
    finding = judged(signature, call)
    assert not finding.verifies
    assert len(finding.mistakes) == 1
    assert named in finding.mistakes[0]


class TestAnotherTimestampThanTheOneSent:
    """The clock was asked twice, once for the signature and once for the header."""

    @pytest.mark.parametrize(
        ("signed", "away"),
        [
            ("2026-11-22T10:15:28+07:00", "2 s earlier"),
            ("2026-11-22T03:15:31Z", "1 s later"),
            ("2026-11-22T11:05:30+07:00", "3000 s later"),
            ("2026-11-22T10:15:30Z", "25200 s later"),  # local time, labelled as Z
            ("2026-11-22T10:15:29.417+07:00", "0.583 s earlier"),
        ],
    )
    def test_is_found_and_told(self, signed: str, away: str) -> None:
        (told,) = judged(b64(mac(text(timestamp=signed)))).mistakes
        assert told == f"not the X-TIMESTAMP that was sent was signed, but {signed}: {away}"

    def test_is_found_over_a_minified_body_and_beside_another_mistake(self) -> None:
        signed = "2026-11-22T10:15:28+07:00"
        assert len(judged(b64(mac(text(hashed=sha(minified(BODY)), timestamp=signed)))).mistakes) == 1
        both = judged(b64(mac(text(token=f"Bearer {TOKEN}", timestamp=signed)))).mistakes
        assert ("Bearer" in both[0], signed in both[1]) == (True, True)

    def test_is_found_in_a_signature_with_a_key(self) -> None:
        signed = "2026-11-22T10:15:28+07:00"
        call = replace(CALL, token=None, client_key="client-a")
        signature = b64(KEY.sign(f"client-a|{signed}".encode(), PKCS1v15(), SHA256()))
        finding = of_key(call, signature, KEY.public_key())
        assert (finding.verifies, finding.key_fits) == (False, True)
        assert signed in finding.mistakes[0]

    def test_that_is_given_is_tried_however_far_away_or_odd(self) -> None:
        signature = b64(mac(text(timestamp="20250101 10:00")))
        assert judged(signature).mistakes == ()
        (told,) = judged(signature, replace(CALL, other_times=("2025", "20250101 10:00"))).mistakes
        assert told == "not the X-TIMESTAMP that was sent was signed, but 20250101 10:00"


class TestPaddedNumbers:
    """A partner number is sent padded to eight places (snap.md), and many trim it before they sign."""

    SENT = b'{"partnerServiceId": "   15973", "customerNo": "3276", "virtualAccountNo": "   159733276"}'
    CALL = Call("POST", PATH, TIME, SENT, TOKEN)

    @pytest.mark.parametrize("spelt", [bytes, minified])
    def test_trimmed_where_it_should_not_be_is_named(self, spelt: Callable[[bytes], bytes]) -> None:
        one = spelt(self.SENT).replace(b'"   15973"', b'"15973"')
        both = one.replace(b'"   159733276"', b'"159733276"')
        (found,) = judged(b64(mac(text(hashed=sha(one)))), self.CALL).mistakes
        assert found == "partnerServiceId was signed without the blanks before it"
        (found,) = judged(b64(mac(text(hashed=sha(both)))), self.CALL).mistakes
        assert found == "partnerServiceId and virtualAccountNo were signed without the blanks before them"


def test_mistakes_that_come_together_are_all_named() -> None:
    finding = judged(mac(text(hashed=sha(BODY).upper(), timestamp="2026-11-22T03:15:30Z")).hex())
    assert len(finding.mistakes) == 3
    finding = judged(b64(mac(text(hashed=sha(minified(BODY)), token=f"Bearer {TOKEN}", path=PATH + "/"))))
    assert sorted("Bearer" in one or "slash" in one for one in finding.mistakes) == [True, True]


def test_letters_beyond_ascii_that_were_escaped_are_named() -> None:
    call = replace(CALL, body=PLAIN)
    finding = judged(b64(mac(text(hashed=sha(minified(PLAIN))))), call)
    assert any("escapes" in one for one in finding.mistakes)


@settings(max_examples=3, deadline=None)
@given(st.binary(min_size=64, max_size=64))
def test_a_signature_of_nothing_known_is_explained_by_nothing(raw: bytes) -> None:
    finding = judged(b64(raw))
    assert (finding.verifies, finding.mistakes) == (False, ())


def rsa_signed(signed: str, key: Any = KEY) -> str:
    return b64(key.sign(signed.encode(), PKCS1v15(), SHA256()))


class TestKeys:
    KEYLESS = replace(CALL, token=None)
    ASKED = Call("POST", "/snap/v1.0/access-token/b2b", TIME, b"{}", client_key="client-a")

    def test_good_ones_verify(self) -> None:
        assert of_key(self.KEYLESS, rsa_signed(f"POST:{PATH}:{sha(BODY)}:{TIME}"), KEY.public_key()).verifies
        assert of_key(self.KEYLESS, rsa_signed(f"POST:{PATH}:{sha(minified(BODY))}:{TIME}"), KEY.public_key()).verifies
        assert of_key(self.ASKED, rsa_signed(f"client-a|{TIME}"), KEY.public_key()).verifies

    @pytest.mark.parametrize(
        ("signed", "named"),
        [
            (f"client-a:{TIME}", "joined with : instead of |"),
            (f"{TIME}|client-a", "before the client key"),
            ("client-a|2026-11-22T03:15:30Z", "in Z"),
        ],
    )
    def test_a_mistake_in_a_request_for_a_token_is_named(self, signed: str, named: str) -> None:
        finding = of_key(self.ASKED, rsa_signed(signed), KEY.public_key())
        assert (finding.verifies, finding.key_fits) == (False, True)
        assert named in finding.mistakes[0]

    def test_a_signature_of_another_key_is_told_apart_from_one_over_another_text(self) -> None:
        other = of_key(self.KEYLESS, rsa_signed(f"POST:{PATH}:{sha(BODY)}:{TIME}", OTHER_KEY), KEY.public_key())
        text_ = of_key(self.KEYLESS, rsa_signed("something else"), KEY.public_key())
        assert (other.key_fits, other.mistakes) == (False, ())
        assert (text_.key_fits, text_.mistakes) == (True, ())


def test_where_two_texts_part_is_told() -> None:
    assert first_difference("POST:/a", "POST:/a") == ""
    assert "character 7" in first_difference("POST:/a:x", "POST:/b:x")
    assert "character 4" in first_difference("abc", "abcd")
