"""Signatures over the bytes received; the vectors of the handbook by value (snap.md section 4)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from services.payments.domain.snap.signing import (
    _STRING_OR_SPACE,
    UnfitKey,
    asymmetric_text,
    body_hash,
    is_signed_with_key,
    is_signed_with_secret,
    is_token_request_signed,
    minify,
    public_key,
    symmetric_text,
    token_text,
)

BODY = (
    b'{"partnerServiceId":"   15973","customerNo":"3276014509900001","virtualAccountNo":"   159733276014509900001",'
    b'"trxDateInit":"2026-11-22T10:15:30+07:00","channelCode":6011,"inquiryRequestId":"INQ-0001"}'
)
PATH = "/snap/v1.0/transfer-va/inquiry"
TIMESTAMP = "2026-11-22T10:15:30+07:00"
HASH = "ef205a37bf6e637bacf227514bbfc7f5918702623cb712ea4246a8bdb00cee28"
SIGNATURE = "HjsyEq+vXp09pIVVUAdW6ZOVuQZVIKU3N/H83o+rL5/Mx4OVLWRu2iq2Kv7U9NYTpX9385+sKsIn9WjekzL4ug=="
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class Call:
    signature: str = SIGNATURE
    method: str = "POST"
    path: str = PATH
    token: str = "tok-TEST"
    body: bytes = BODY
    timestamp: str = TIMESTAMP
    secrets: tuple[str, ...] = ("secret-TEST",)
    hex_accepted: bool = False

    def holds(self) -> bool:
        return is_signed_with_secret(
            self.secrets,
            self.signature,
            method=self.method,
            path=self.path,
            token=self.token,
            body=self.body,
            timestamp=self.timestamp,
            hex_accepted=self.hex_accepted,
        )


def test_vector_1_full_symmetric() -> None:
    assert body_hash(BODY) == HASH
    assert symmetric_text("POST", PATH, "tok-TEST", HASH, TIMESTAMP).decode() == (
        f"POST:{PATH}:tok-TEST:{HASH}:{TIMESTAMP}"
    )
    assert Call().holds()


def test_vector_2_minify_keeps_spaces_inside_strings() -> None:
    raw = b'{\n  "virtualAccountName" : "Siti  Aminah",\n  "partnerServiceId": "   15973"\n}\n'
    assert minify(raw) == b'{"virtualAccountName":"Siti  Aminah","partnerServiceId":"   15973"}'
    assert body_hash(raw) == "845f8eb4ce07bbff5ebc9bcbcb67de5d8807cdcc2516daf6514845ff58d3fc54"
    assert body_hash(minify(raw)) == "4f3900b80894a75f78a3ce5da97ffd909a9d52a7417665b28e02964259964db5"


@given(st.text(st.sampled_from('"\\ \t\r\n{:a')).map(str.encode))
def test_both_ways_to_minify_agree(body: bytes) -> None:
    assert minify(body) == _STRING_OR_SPACE.sub(rb"\1", body)


def test_no_body_hashes_the_empty_string() -> None:
    assert body_hash(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    "change",
    [
        {"body": BODY.replace(b"INQ-0001", b"INQ-0002")},
        {"body": BODY.replace(b'"   15973"', b'"15973"')},
        {"path": PATH + "?a=1"},
        {"path": PATH.replace("inquiry", "payment")},
        {"method": "PUT"},
        {"token": "tok-TEST2"},
        {"timestamp": "2026-11-22T10:15:31+07:00"},
        {"secrets": ("other",)},
        {"secrets": ()},
        {"signature": ""},
        {"signature": "not base64"},
        {"signature": SIGNATURE[:-3] + "h=="},  # other stray bits, the same bytes
        {"signature": base64.b64decode(SIGNATURE).hex()},
    ],
)
def test_any_change_of_a_signed_part_fails(change: dict[str, object]) -> None:
    assert not replace(Call(), **change).holds()  # type: ignore[arg-type]


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_any_changed_byte_of_the_body_fails(at: int, by: int) -> None:
    changed = bytearray(BODY)
    changed[at] = (changed[at] + by) % 256
    assert not Call(body=bytes(changed)).holds()


def test_a_signature_over_the_minified_body_holds_for_the_spaced_one() -> None:
    assert Call(body=BODY.replace(b",", b",\n  ")).holds()
    assert not Call(body=BODY.replace(b"INQ-0001", b"INQ- 0001")).holds()


def test_both_secrets_hold_while_one_is_being_replaced() -> None:
    assert Call(secrets=("new", "secret-TEST")).holds()


def test_hexadecimal_signatures_hold_only_where_agreed() -> None:
    spelled = base64.b64decode(SIGNATURE).hex()
    assert Call(signature=spelled, hex_accepted=True).holds()
    assert Call(signature=SIGNATURE, hex_accepted=True).holds()


def signed(text: bytes) -> str:
    return base64.b64encode(KEY.sign(text, PKCS1v15(), SHA256())).decode()


def test_asymmetric_calls_hold_over_raw_or_minified_bytes_and_fail_on_any_change() -> None:
    signature = signed(asymmetric_text("POST", PATH, HASH, TIMESTAMP))

    def holds(**change: object) -> bool:
        parts = {"method": "POST", "path": PATH, "body": BODY, "timestamp": TIMESTAMP} | change
        return is_signed_with_key([KEY.public_key()], signature, **parts)  # type: ignore[arg-type]

    assert holds()
    assert holds(body=BODY.replace(b":", b": "[:1]) + b"\n")
    for change in ({"method": "GET"}, {"path": "/"}, {"body": b"{}"}, {"timestamp": "x"}):
        assert not holds(**change)


def test_a_token_request_is_signed_by_the_callers_own_key() -> None:
    signature = signed(token_text("client-1", TIMESTAMP))
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    for keys, client, expected in (
        ([other, KEY.public_key()], "client-1", True),
        ([other], "client-1", False),
        ([], "client-1", False),
        ([KEY.public_key()], "client-2", False),
    ):
        assert is_token_request_signed(keys, signature, client_key=client, timestamp=TIMESTAMP) is expected


def pem(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_only_rsa_keys_of_2048_bits_are_taken() -> None:
    assert public_key(pem(KEY.public_key())).key_size == 2048
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    for text in ("", "hello", pem(weak), pem(ec.generate_private_key(ec.SECP256R1()).public_key())):
        with pytest.raises(UnfitKey):
            public_key(text)


@given(st.binary(max_size=200))
def test_minify_is_idempotent_on_anything(body: bytes) -> None:
    assert minify(minify(body)) == minify(body)


@pytest.mark.timeout(5)
@pytest.mark.parametrize("tail", [b'"' + b'\\"' * 40_000, b'"' * 80_001, b"\\" * 80_000, b'"abc\\'])
def test_minify_is_linear_on_unfinished_strings(tail: bytes) -> None:
    assert minify(tail) == tail
