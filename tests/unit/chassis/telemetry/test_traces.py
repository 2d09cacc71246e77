"""A trace stays whole across processes, and costs nothing when nobody wants it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis.telemetry import configure_traces, current_traceparent, outgoing_headers, span

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-0af7651916cd43dd8448eb211c80319d-b7ad6b7169203332-01"


class TestOff:
    def test_incoming_trace_is_handed_on(self) -> None:
        with span("work", PARENT):
            assert current_traceparent() == PARENT
            assert outgoing_headers() == {"traceparent": PARENT}
            with span("inner"):
                assert current_traceparent() == PARENT
        assert current_traceparent() is None

    @pytest.mark.parametrize("strange", ["", "x", PARENT + "0", PARENT.upper(), f"00-{'0' * 32}-b7ad6b7169203331-01"])
    def test_malformed_parent_counts_as_none(self, strange: str) -> None:
        with span("work", strange):
            assert current_traceparent() is None
            assert outgoing_headers() == {}

    def test_sdk_is_not_even_imported(self) -> None:
        code = (
            "import sys; from chassis.telemetry import configure_traces, span; configure_traces('shop')\n"
            "with span('x'): pass\n"
            "sys.exit('opentelemetry' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


class TestOn:
    @pytest.fixture
    def exporter(self) -> Iterator[InMemorySpanExporter]:
        exporter = InMemorySpanExporter()
        configure_traces("shop", processor=SimpleSpanProcessor(exporter))
        yield exporter
        configure_traces("shop")

    def only(self, exporter: InMemorySpanExporter) -> ReadableSpan:
        (found,) = exporter.get_finished_spans()
        return found

    def test_span_joins_its_parent_in_another_process(self, exporter: InMemorySpanExporter) -> None:
        with span("HTTP POST", PARENT, attributes={"items": 3}) as note:
            inside = current_traceparent()
            note("http.route", "/orders")
        found = self.only(exporter)
        assert found.parent is not None
        assert f"{found.parent.span_id:016x}" in PARENT
        assert inside is not None
        assert inside.split("-")[1] == PARENT.split("-")[1]
        assert inside != PARENT
        assert dict(found.attributes or {}) == {"items": 3, "http.route": "/orders"}
        assert found.resource.attributes["service.name"] == "shop"

    def test_batch_links_to_each_of_its_items_once(self, exporter: InMemorySpanExporter) -> None:
        with span("batch", links=[PARENT, None, "strange", OTHER, PARENT]):
            pass
        found = self.only(exporter)
        assert found.parent is None
        assert [f"{link.context.span_id:016x}" for link in found.links] == ["b7ad6b7169203331", "b7ad6b7169203332"]

    def test_inner_span_is_a_child(self, exporter: InMemorySpanExporter) -> None:
        with span("outer"), span("inner"):
            pass
        inner, outer = exporter.get_finished_spans()
        assert inner.parent is not None
        assert outer.context is not None
        assert inner.parent.span_id == outer.context.span_id

    def test_failure_is_marked_by_class_alone_and_raised_on(self, exporter: InMemorySpanExporter) -> None:
        with pytest.raises(ValueError, match="Siti"), span("work"):
            raise ValueError("Siti Rahayu 081234567890")
        found = self.only(exporter)
        assert found.status.description == "ValueError"
        assert found.events == ()
        assert current_traceparent() is None
