"""A service as an operator's command has it: its parts, without its processes."""

from __future__ import annotations

import sys

from chassis.service import App, Service
from chassis.settings import StartRefused, load
from chassis.telemetry import configure_logs


def opened(service: Service) -> App:
    """Under the settings of the environment; one sentence and exit code 1 when it cannot be set up."""
    try:
        settings = load(service.settings)
    except StartRefused as refused:
        sys.exit(f"{service.name}: {refused}")
    configure_logs(service.name, settings.logs_as, stream="stderr")
    return App(service, settings)
