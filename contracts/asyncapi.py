"""The AsyncAPI 3.0 document of every topic and message, generated from the catalogue.
 `python -m contracts.asyncapi` checks that docs/asyncapi.json is current; with `--write` it writes it. Services serve
it at /asyncapi."""

from __future__ import annotations

import argparse
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from contracts.envelope import CONTENT_TYPE, schema_uri
from contracts.event import Catalogue, Event
from contracts.events import CATALOGUE

FILE = Path(__file__).parent.parent / "docs" / "asyncapi.json"
TOPIC_PREFIX = "perisai."

_ID, _TEXT, _INSTANT = (
    {"type": "string", "format": "uuid"},
    {"type": "string"},
    {"type": "string", "format": "date-time"},
)
_HEADERS: dict[str, dict[str, Any]] = {
    "ce_specversion": {"const": "1.0"},
    "ce_id": {**_ID, "description": "The event's own id; the same in every repeat."},
    "ce_source": {**_TEXT, "description": "/perisai/<service that owns the stream>"},
    "ce_type": _TEXT,
    "ce_subject": {**_TEXT, "description": "The key of the thing; also the record's key."},
    "ce_time": {**_INSTANT, "description": "Business time."},
    "ce_dataschema": {**_TEXT, "description": "perisai:schemas/<type>/<version>"},
    "ce_stream": {**_TEXT, "description": "The kind of thing."},
    "ce_seq": {**_TEXT, "pattern": "^[1-9][0-9]*$", "description": "1, 2, 3 … per stream and key, without holes."},
    "ce_rules": {**_TEXT, "description": "The dated rule set that decided."},
    "ce_recordedat": {**_INSTANT, "description": "Wall time of the durable write."},
    "ce_actor": {**_TEXT, "description": "The subject of the token, or the service, that acted."},
    "ce_correlationid": _ID,
    "ce_causationid": {**_ID, "description": "The event that made the service act."},
    "ce_branchid": _ID,
    "ce_wadahid": _ID,
    "ce_agentid": _ID,
    "ce_traceparent": {**_TEXT, "description": "W3C Trace Context."},
    "content-type": {"const": CONTENT_TYPE},
}
_OPTIONAL = {"ce_causationid", "ce_branchid", "ce_wadahid", "ce_agentid", "ce_traceparent"}


@cache
def document() -> dict[str, Any]:
    """The document of this system's catalogue. Not to be changed by the caller."""
    return describe(CATALOGUE)


def describe(catalogue: Catalogue) -> dict[str, Any]:
    """The AsyncAPI document: a channel per topic, a message per event type and version, a send operation per owning
    service."""
    names, definitions = models_json_schema(
        [(event, "validation") for event in catalogue.events], ref_template="#/components/schemas/{model}"
    )
    references = {event: names[event, "validation"] for event in catalogue.events}
    topics = sorted(set(catalogue.topics.values()))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Perisai events",
            "version": "1",
            "description": (
                "Facts that the services of Perisai tell each other over Kafka: CloudEvents 1.0 in binary mode, the record's value"
                " is the JSON payload alone. Personal data travels sealed (`x-sealed` shows what is inside)."
            ),
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {topic: _channel(catalogue, topic) for topic in topics},
        "operations": {
            f"{owner}-{topic}": _operation(catalogue, owner, topic)
            for owner in sorted(set(catalogue.owners.values()))
            for topic in topics
            if _told(catalogue, topic, owner)
        },
        "components": {
            "messages": {_name(event): _message(catalogue, event, references[event]) for event in catalogue.events},
            "messageTraits": {"envelope": _envelope()},
            "schemas": definitions.get("$defs", {}),
        },
    }


def main(arguments: list[str] | None = None) -> int:
    """The command; 0 when docs/asyncapi.json is current."""
    parser = argparse.ArgumentParser(prog="python -m contracts.asyncapi", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/asyncapi.json")
    text = json.dumps(document(), indent=2, ensure_ascii=False) + "\n"
    if parser.parse_args(arguments).write:
        FILE.write_text(text)
    elif not FILE.exists() or FILE.read_text() != text:
        print("docs/asyncapi.json is not current; run python -m contracts.asyncapi --write", file=sys.stderr)
        return 1
    return 0


def _name(event: type[Event]) -> str:
    return f"{event.type}.{event.version}"


def _told(catalogue: Catalogue, topic: str, owner: str | None = None) -> list[type[Event]]:
    """The events on a topic, of one owner or of all."""
    found = {
        event: None
        for event in catalogue.events
        for stream in catalogue.streams(event)
        if catalogue.topics[stream] == topic and owner in (None, catalogue.owners[stream])
    }
    return [*found]


def _channel(catalogue: Catalogue, topic: str) -> dict[str, Any]:
    return {
        "address": TOPIC_PREFIX + topic,
        "description": "Keyed by ce_subject, in ce_seq order per stream and key; at least once; kept without limit.",
        "messages": {_name(e): {"$ref": f"#/components/messages/{_name(e)}"} for e in _told(catalogue, topic)},
        "bindings": {"kafka": {"topic": TOPIC_PREFIX + topic, "bindingVersion": "0.5.0"}},
    }


def _operation(catalogue: Catalogue, owner: str, topic: str) -> dict[str, Any]:
    return {
        "action": "send",
        "title": f"{owner} tells {topic}",
        "channel": {"$ref": f"#/channels/{topic}"},
        "messages": [{"$ref": f"#/channels/{topic}/messages/{_name(e)}"} for e in _told(catalogue, topic, owner)],
    }


def _message(catalogue: Catalogue, event: type[Event], payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": event.type,
        "title": f"{event.type} version {event.version}",
        "summary": " ".join((event.__doc__ or "").split()),
        "contentType": CONTENT_TYPE,
        "traits": [{"$ref": "#/components/messageTraits/envelope"}],
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "payload": payload,
        "x-dataschema": schema_uri(event.type, event.version),
        "x-stream": ", ".join(catalogue.streams(event)),
        "x-owner": ", ".join(catalogue.owners[stream] for stream in catalogue.streams(event)),
    }


def _envelope() -> dict[str, Any]:
    required = [name for name in _HEADERS if name not in _OPTIONAL]
    return {
        "headers": {"type": "object", "properties": _HEADERS, "required": required},
        "bindings": {"kafka": {"key": {"type": "string", "description": "ce_subject"}, "bindingVersion": "0.5.0"}},
    }


if __name__ == "__main__":
    raise SystemExit(main())
