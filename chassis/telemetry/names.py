"""Names of log events, so that a search finds all of a kind. INFO: an outcome. WARNING: will heal. ERROR: needs a
person, has a runbook line."""

from __future__ import annotations

from typing import Final

PROCESS_STARTED: Final = "process_started"
PROCESS_STOPPED: Final = "process_stopped"
REQUEST: Final = "request"
"""One per HTTP request: method, route, status, milliseconds, correlation id."""
REQUEST_FAILED: Final = "request_failed"
"""ERROR: an unexpected exception reached the edge; the caller got 500 without internals."""
REQUEST_REFUSED: Final = "request_refused"
"""WARNING: over a limit of the edge."""
KEY_SET_REFRESHED: Final = "key_set_refreshed"
KEY_SET_UNAVAILABLE: Final = "key_set_unavailable"
"""WARNING: the issuer cannot be reached; keys already known go on working."""
