"""The vectors of snap.md section 4, by value, and what minifying may not touch."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.bank.line import dumps
from deploy.local.bank.signing import body_digest, minify, sign_asymmetric, sign_symmetric, sign_token_request

INQUIRY = (
    b'{"partnerServiceId":"   15973","customerNo":"3276014509900001","virtualAccountNo":"   159733276014509900001",'
    b'"trxDateInit":"2026-11-22T10:15:30+07:00","channelCode":6011,"inquiryRequestId":"INQ-0001"}'
)
LOOSE = b'{\n  "virtualAccountName" : "Siti  Aminah",\n  "partnerServiceId": "   15973"\n}\n'
PATH, TIMESTAMP = "/snap/v1.0/transfer-va/inquiry", "2026-11-22T10:15:30+07:00"


def test_vector_1_body_digest() -> None:
    assert body_digest(INQUIRY) == "ef205a37bf6e637bacf227514bbfc7f5918702623cb712ea4246a8bdb00cee28"


def test_vector_1_symmetric_signature() -> None:
    signature = sign_symmetric(
        "secret-TEST", **{"token": "tok-TEST"}, method="POST", path=PATH, body=INQUIRY, timestamp=TIMESTAMP
    )
    assert signature == "HjsyEq+vXp09pIVVUAdW6ZOVuQZVIKU3N/H83o+rL5/Mx4OVLWRu2iq2Kv7U9NYTpX9385+sKsIn9WjekzL4ug=="


def test_vector_2_minify_keeps_blanks_in_strings() -> None:
    assert minify(LOOSE) == b'{"virtualAccountName":"Siti  Aminah","partnerServiceId":"   15973"}'
    assert body_digest(LOOSE) == "4f3900b80894a75f78a3ce5da97ffd909a9d52a7417665b28e02964259964db5"


def test_no_body_is_the_digest_of_the_empty_string() -> None:
    assert body_digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    ("loose", "tight"),
    [
        (rb'{"a": "x \" , y", "b" : 1}', rb'{"a":"x \" , y","b":1}'),
        (rb'{"a": "end \\", "b" :	2}', rb'{"a":"end \\","b":2}'),
        (b'[ 1.50 , "\xc3\xa9 \xc3\xa9" ]\r\n', b'[1.50,"\xc3\xa9 \xc3\xa9"]'),
    ],
)
def test_minify_drops_blanks_outside_of_strings_only(loose: bytes, tight: bytes) -> None:
    assert minify(loose) == tight


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, max_size=4), st.sampled_from([1, "\t", 4]))
def test_what_the_bank_sends_is_the_minified_form_of_any_layout(fields: dict[str, object], indent: int | str) -> None:
    fields = json.loads(json.dumps(fields).encode("utf-8", "replace"))
    try:
        sent = dumps(fields)
    except UnicodeEncodeError:
        return  # a lone surrogate has no UTF-8 form
    assert minify(sent) == sent
    assert minify(json.dumps(fields, ensure_ascii=False, indent=indent).encode()) == sent


def test_rsa_signatures_are_over_the_strings_of_the_standard() -> None:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)

    def check(signature: str, text: str) -> None:
        key.public_key().verify(base64.b64decode(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())

    check(sign_token_request(key, client_key="client", timestamp=TIMESTAMP), f"client|{TIMESTAMP}")
    check(
        sign_asymmetric(key, method="POST", path=PATH, body=INQUIRY, timestamp=TIMESTAMP),
        f"POST:{PATH}:ef205a37bf6e637bacf227514bbfc7f5918702623cb712ea4246a8bdb00cee28:{TIMESTAMP}",
    )
