"""Every metric of a service process, each with what it tells. Labels are names from code, never keys of things, so
their number is bounded."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)

BATCH_ITEMS: Final = Histogram("perisai_batch_items", "Items per committed batch.", ["use_case"], buckets=_SIZES)
"""How well group commit and polls gather: all ones under load means a batch path is broken."""
BATCH_SECONDS: Final = Histogram(
    "perisai_batch_seconds", "Seconds from opening to commit of a batch.", ["use_case"], buckets=_SECONDS
)
"""Time inside the transaction, re-runs counted one by one."""
BATCHES_SPLIT: Final = Counter(
    "perisai_batches_split", "Batches cut in two after an unexpected exception.", ["use_case"]
)
"""Above zero: a bug or a poison item is about."""
CONFLICTS: Final = Counter("perisai_conflicts", "Batches re-run because another transaction won.", ["use_case"])
"""Grows with hot keys; a rate near that of batches means two writers fight for one key."""
EVENTS_APPENDED: Final = Counter("perisai_events_appended", "Events committed to this service's log.")
"""The unit that statements and commits are counted against."""
STATEMENTS: Final = Counter("perisai_sql_statements", "SQL statements sent.")
"""Statements per event do not drift with load: asserted in tests, watched here."""
COMMITS: Final = Counter("perisai_sql_commits", "Transactions committed.")
"""Commits per event show whether work is gathered."""

RELAY_UNPUBLISHED_AGE: Final = Gauge(
    "perisai_relay_unpublished_age_seconds",
    "Age of the oldest event that the broker has not acknowledged; 0 when none.",
)
"""The alarm of the relay: grows while the broker is away or a transaction is left open."""
RELAY_BACKLOG: Final = Gauge("perisai_relay_backlog_rows", "Rows found by the last poll, over the buckets held here.")
"""At its window size for long: the relay is behind."""
RELAY_ROWS: Final = Counter("perisai_relay_rows", "Events acknowledged by the broker.")
"""The relay's rate."""
RELAY_RETRIES: Final = Counter("perisai_relay_retries", "Sends given up and begun again with a new producer.")
"""Above zero: the broker was away or slow; readers skip the repeats."""
RELAY_BUCKETS: Final = Gauge("perisai_relay_buckets", "Buckets whose lease this process holds.")
"""Sums to the number of buckets over all processes of a service, or some are unattended."""
RELAY_STOPPED: Final = Gauge("perisai_relay_stopped", "1 when the relay refuses to go on until an operator acts.")
"""Needs a person: the cursor belongs to another server."""
REPLICATION_SLOTS_UNUSED: Final = Gauge(
    "perisai_replication_slots_unused",
    "Replication slots on this service's server that nobody reads or that are logical.",
)
"""Alarm at one: nothing of ours uses a slot, and a forgotten one fills the server's disk."""

CONSUMED: Final = Counter("perisai_consumed", "Records dealt with, by what became of them.", ["topic", "outcome"])
"""Outcomes: applied, seen, unhandled, parked, dead_letter."""
CONSUMER_LAG: Final = Gauge(
    "perisai_consumer_lag_records", "Records not yet dealt with, over own partitions.", ["topic"]
)
"""Steady growth: add processes or look for the fuse."""
OFFSETS_NOT_COMMITTED: Final = Counter(
    "perisai_offsets_not_committed", "Batches whose offsets the broker did not take.", ["topic"]
)
"""A few with each rebalance; steady growth: two processes share one instance name."""
PARKED_KEYS: Final = Gauge(
    "perisai_parked_keys", "Keys whose events wait for an operator or a missing fact.", ["stream"]
)
"""Zero in peace; every other value is listed by `perisai parked`."""
CONFLICTING_EVENTS: Final = Counter("perisai_conflicting_events", "A seq seen again with another event id.", ["stream"])
"""Alarm at one: somebody else writes to the stream."""
DEAD_LETTERS: Final = Counter("perisai_dead_letters", "Unreadable records put aside.", ["topic", "reason"])
"""Alarm at one: a producer is not one of ours."""
FUSE_BLOWN: Final = Gauge("perisai_fuse_blown", "1 while a consumer has stopped after too many failures.", ["topic"])
"""Needs a person: a bad deploy, or a fault of the whole topic."""
CONSUMER_RETRIES: Final = Counter("perisai_consumer_retries", "Batches tried again after an outage.", ["topic"])
"""Database, broker or key door was away."""

TIMER_ROWS: Final = Counter("perisai_timer_rows", "Due rows worked, by outcome.", ["timer", "outcome"])
"""Refused ones are backed off, never left at the head."""

ATTENTION: Final = Gauge(
    "perisai_attention", "Matters of the service's own that wait for a person, by kind of concern.", ["concern"]
)
"""Zero in peace; alarm at one: `/ops/status` counts the same, the runbook says who sees which ones."""

HTTP_REQUESTS: Final = Counter("perisai_http_requests", "Requests answered.", ["method", "route", "status"])
"""`route` is the path template, so ids never become labels."""
HTTP_SECONDS: Final = Histogram(
    "perisai_http_seconds",
    "Seconds from the first byte of a request to its answer.",
    ["method", "route"],
    buckets=_SECONDS,
)
"""Latency as the caller sees it, without the network."""
HTTP_IN_FLIGHT: Final = Gauge("perisai_http_in_flight", "Requests being answered.")
"""At its limit: callers get 503 with Retry-After."""
