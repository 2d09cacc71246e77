"""Traces across HTTP, event log, Kafka and the last effect, carried as W3C `traceparent`.
 Without an exporter nothing is made or sampled: an incoming `traceparent` is only handed on, so a trace begun outside
stays whole. The SDK is imported only when traces are on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
MAX_LINKS = 128
Note = Callable[[str, "str | int"], None]
"""Adds an attribute to a span."""

_carried: ContextVar[str | None] = ContextVar("traceparent", default=None)
_provider: TracerProvider | None = None


def configure_traces(service: str, *, endpoint: str | None = None, processor: SpanProcessor | None = None) -> None:
    """Turns traces on, exported over OTLP/HTTP to `endpoint` (a collector's base address) or given to `processor`;
    off without either."""
    global _provider
    _provider = None
    if endpoint is None and processor is None:
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    _provider = TracerProvider(resource=Resource.create({"service.name": service}))
    _provider.add_span_processor(processor or _otlp(endpoint or ""))


def stop_traces() -> None:
    """Sends what is left and ends the exporter."""
    if _provider is not None:
        _provider.shutdown()


def current_traceparent() -> str | None:
    """What to write on an event or an outgoing request made here and now."""
    return _carried.get()


def outgoing_headers() -> dict[str, str]:
    """Headers for a request to another process."""
    traceparent = _carried.get()
    return {} if traceparent is None else {"traceparent": traceparent}


def span(
    name: str,
    traceparent: str | None = None,
    *,
    links: Iterable[str | None] = (),
    attributes: Mapping[str, str | int] | None = None,
) -> AbstractContextManager[Note]:
    """One step of work. `traceparent` is its parent (a malformed one counts as none); a batch names those of its
        items as `links`.
     Gives a function that adds an attribute. Attributes are names, counts and internal ids. An exception marks the span
    as failed and is raised on."""
    parent = traceparent if traceparent is not None and TRACEPARENT.fullmatch(traceparent) else None
    if _provider is not None:
        return _recorded(name, parent or _carried.get(), links, attributes or {})
    return _NOTHING if parent is None else _handed_on(parent)


@contextmanager
def _handed_on(parent: str) -> Iterator[Note]:
    token = _carried.set(parent)
    try:
        yield _forget
    finally:
        _carried.reset(token)


@contextmanager
def _recorded(
    name: str, parent: str | None, links: Iterable[str | None], attributes: Mapping[str, str | int]
) -> Iterator[Note]:
    from opentelemetry import trace

    assert _provider is not None
    context = trace.set_span_in_context(trace.NonRecordingSpan(_context(parent))) if parent else None
    found = dict.fromkeys(link for link in links if link is not None and TRACEPARENT.fullmatch(link))
    made = _provider.get_tracer("perisai").start_span(
        name,
        context=context,
        links=[trace.Link(_context(link)) for link in list(found)[:MAX_LINKS]],
        attributes=dict(attributes),
    )
    inner = made.get_span_context()
    token = _carried.set(f"00-{inner.trace_id:032x}-{inner.span_id:016x}-{int(inner.trace_flags):02x}")
    try:
        yield made.set_attribute
    except BaseException as error:
        # the class alone: a message may quote data
        made.set_status(trace.StatusCode.ERROR, type(error).__name__)
        raise
    finally:
        _carried.reset(token)
        made.end()


def _forget(_name: str, _value: str | int) -> None:
    """The Note of a span that is not made."""


_NOTHING: AbstractContextManager[Note] = nullcontext(_forget)
"""May be entered any number of times at once."""


def _context(traceparent: str) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    _, trace_id, span_id, flags = traceparent.split("-")
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))


def _otlp(endpoint: str) -> SpanProcessor:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces"))
