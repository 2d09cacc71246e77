"""The envelope on the wire: what goes out comes back, and whatever else comes is named, never quoted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from cloudevents.core.bindings import kafka
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import BadEnvelope, Envelope

Headers = Sequence[tuple[str, bytes | None]]

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
_NAME = st.from_regex("[a-z][a-z-]{0,20}", fullmatch=True)
_IDS = st.uuids()
_INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001

envelopes = st.builds(
    Envelope,
    event_id=_IDS,
    source=_NAME,
    stream=_NAME,
    key=_TEXT,
    seq=st.integers(1, 2**62 - 1).filter(lambda n: len(str(n)) < 19),
    type=st.from_regex("[A-Z][A-Za-z]{0,30}", fullmatch=True),
    version=st.integers(1, 99),
    rules=_TEXT,
    occurred_at=_INSTANTS,
    recorded_at=_INSTANTS,
    actor=_TEXT,
    correlation_id=_IDS,
    causation_id=st.none() | _IDS,
    branch_id=st.none() | _IDS,
    wadah_id=st.none() | _IDS,
    agent_id=st.none() | _IDS,
    traceparent=st.none() | st.just("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
)

ONE = Envelope(
    event_id=UUID(int=1),
    source="payments",
    stream="contributions",
    key="0199",
    seq=3,
    type="ContributionPaid",
    version=1,
    rules="bpu-contribution/2025-01",
    occurred_at=datetime(2025, 10, 6, 2, tzinfo=UTC),
    recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
    actor="bank-a",
    correlation_id=UUID(int=2),
    causation_id=UUID(int=3),
    branch_id=UUID(int=4),
    wadah_id=UUID(int=5),
    agent_id=UUID(int=6),
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)
OPTIONAL = {"ce_causationid", "ce_branchid", "ce_wadahid", "ce_agentid", "ce_traceparent", "content-type"}
MANDATORY = [name for name, _ in ONE.to_headers() if name not in OPTIONAL]

STRANGE = {
    "ce_specversion": [b"0.3", b"2.0"],
    "ce_id": [b"1", b"canary"],
    "ce_source": [b"canary", b"/other/payments"],
    "ce_type": [b"Canary"],
    "ce_time": [b"canary", b"2025-10-06", b"2025-10-06T02:00:00", b"2025-13-06T02:00:00Z"],
    "ce_recordedat": [b"canary", b"1759716000"],
    "ce_dataschema": [b"canary", b"perisai:schemas/ContributionPaid", b"perisai:schemas//1", b"perisai:schemas/X/0"],
    "ce_seq": [b"0", b"-1", b"+1", b"1.0", b"canary", "٣".encode(), b"9" * 19, b" 1"],
    "ce_correlationid": [b"canary"],
    "ce_causationid": [b"canary"],
    "ce_branchid": [b"canary"],
    "ce_wadahid": [b"canary"],
    "ce_agentid": [b"canary"],
}


def with_header(name: str, value: bytes | None) -> Headers:
    return [(found, value if found == name else old) for found, old in ONE.to_headers()]


@given(envelopes)
def test_headers_come_back_as_they_went(envelope: Envelope) -> None:
    assert Envelope.from_headers(envelope.to_headers()) == envelope


@given(envelopes, st.randoms())
def test_order_of_headers_means_nothing(envelope: Envelope, random: object) -> None:
    headers = envelope.to_headers()
    random.shuffle(headers)  # type: ignore[attr-defined]
    assert Envelope.from_headers(headers) == envelope


def test_absent_attributes_send_no_header() -> None:
    names = {name for name, _ in ONE.to_headers()}
    assert names >= OPTIONAL
    assert all(value for _, value in ONE.to_headers())


@pytest.mark.parametrize("name", MANDATORY)
@pytest.mark.parametrize("value", [None, b"", b"\xff\xfe"], ids=["missing", "empty", "not UTF-8"])
def test_mandatory_header_that_says_nothing_is_named(name: str, value: bytes | None) -> None:
    with pytest.raises(BadEnvelope, match=name):
        Envelope.from_headers(with_header(name, value))


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in STRANGE.items() for value in values])
def test_strange_header_is_named_and_not_quoted(name: str, value: bytes) -> None:
    with pytest.raises(BadEnvelope, match=name) as caught:
        Envelope.from_headers(with_header(name, value))
    assert "canary" not in str(caught.value).lower()


def test_foreign_headers_are_ignored_whatever_they_hold() -> None:
    headers = [("reply_to", b"evil"), ("x", b"\xff\xfe"), ("ce_other", None), *ONE.to_headers(), ("reply_to", None)]
    assert Envelope.from_headers(headers) == ONE


@pytest.mark.parametrize("headers", [[], [("ce_id", b"1")], [("content-type", b"application/json")]])
def test_strangers_record_is_refused(headers: Headers) -> None:
    with pytest.raises(BadEnvelope, match="ce_specversion"):
        Envelope.from_headers(headers)


def test_other_offsets_are_the_same_instant() -> None:
    read = Envelope.from_headers(with_header("ce_time", b"2025-10-06T09:00:00+07:00"))
    assert read.occurred_at == ONE.occurred_at
    assert read.occurred_at.tzinfo != timezone(timedelta(hours=7)) or read == ONE


class TestOfficialSdk:
    """The CloudEvents SDK reads what we write, and we read what it writes."""

    def test_sdk_reads_our_records(self) -> None:
        message = kafka.KafkaMessage(headers=dict(ONE.to_headers()), key=ONE.key.encode(), value=b'{"amount":36800}')
        event = kafka.from_binary_event(message, JSONFormat())
        assert event.get_id() == str(ONE.event_id)
        assert event.get_type() == "ContributionPaid"
        assert event.get_source() == "/perisai/payments"
        assert event.get_subject() == ONE.key
        assert event.get_time() == ONE.occurred_at
        assert event.get_extension("seq") == "3"
        assert event.get_data() == {"amount": 36800}

    def test_we_read_the_sdks_records(self) -> None:
        message = kafka.KafkaMessage(headers=dict(ONE.to_headers()), key=ONE.key.encode(), value=b'{"amount":36800}')
        event = kafka.from_binary_event(message, JSONFormat())
        written = kafka.to_binary_event(event, JSONFormat())
        assert Envelope.from_headers(written.headers.items()) == ONE


def test_event_ids_are_not_confused_with_correlation() -> None:
    assert Envelope.from_headers(with_header("ce_correlationid", str(uuid4()).encode())).event_id == ONE.event_id
