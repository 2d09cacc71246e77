"""The AsyncAPI document says all there is to say, and is the committed one."""

from __future__ import annotations

import re
from typing import Any

import pytest

from contracts import asyncapi
from contracts.asyncapi import document
from contracts.envelope import Envelope
from contracts.events import CATALOGUE
from deploy import topics
from tests.contracts.test_envelope import ONE


def test_committed_document_is_current() -> None:
    assert asyncapi.main([]) == 0


def test_every_event_is_a_message_on_the_channel_of_its_stream() -> None:
    for event in CATALOGUE.events:
        name = f"{event.type}.{event.version}"
        streams = CATALOGUE.streams(event)
        for stream in streams:
            channel = document()["channels"][CATALOGUE.topics[stream]]
            assert channel["messages"][name] == {"$ref": f"#/components/messages/{name}"}
        message = document()["components"]["messages"][name]
        assert message["x-stream"] == ", ".join(streams)
        assert message["x-owner"] == ", ".join(CATALOGUE.owners[stream] for stream in streams)


def test_what_every_service_records_is_sent_by_every_service() -> None:
    told = document()["operations"]
    for service in ("registration", "payments", "notifications", "audit"):
        sent = [message["$ref"] for message in told[f"{service}-audit"]["messages"]]
        assert "#/channels/audit/messages/PersonalDataRead.1" in sent


def test_every_event_is_sent_by_its_owner() -> None:
    sent = {
        reference["$ref"].rpartition("/")[2] for o in document()["operations"].values() for reference in o["messages"]
    }
    assert sent == {f"{event.type}.{event.version}" for event in CATALOGUE.events}


def test_headers_are_those_of_the_envelope() -> None:
    told = document()["components"]["messageTraits"]["envelope"]["headers"]
    assert [*told["properties"]] == [name for name, _ in ONE.to_headers()]
    bare = {**{name: getattr(ONE, name) for name in ONE._fields}, **dict.fromkeys(_OPTIONAL_ATTRIBUTES)}
    assert set(told["required"]) == {name for name, _ in Envelope(**bare).to_headers()}


_OPTIONAL_ATTRIBUTES = ("causation_id", "branch_id", "wadah_id", "agent_id", "traceparent")


def test_every_reference_resolves() -> None:
    references = set(re.findall(r"'\$ref': '#/([^']+)'", str(document())))
    assert references
    for reference in references:
        node: Any = document()
        for step in reference.split("/"):
            node = node[step]


@pytest.mark.parametrize("topic", sorted(set(CATALOGUE.topics.values())))
def test_every_channel_is_a_declared_topic(topic: str) -> None:
    assert topic in {declared.name for declared in topics.declared(prefix="")}
