"""Logs, metrics and traces of a process. Names and ids only: never personal data, never a payload."""

from chassis.telemetry import metrics
from chassis.telemetry.logs import bind, configure_logs, log
from chassis.telemetry.traces import configure_traces, current_traceparent, outgoing_headers, span, stop_traces

__all__ = [
    "bind",
    "configure_logs",
    "configure_traces",
    "current_traceparent",
    "log",
    "metrics",
    "outgoing_headers",
    "span",
    "stop_traces",
]
