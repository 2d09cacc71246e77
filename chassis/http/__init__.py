"""HTTP for services: who asks, what they may see, what they sent, and how they are answered."""

from chassis.http.auth import Principal, Verifier, allow, shown_to
from chassis.http.bodies import accepts, accepts_command, body
from chassis.http.commands import answer, command_door, correlation_id, meta
from chassis.http.dates import Day, Moment
from chassis.http.direct import direct
from chassis.http.faults import field_fault
from chassis.http.limits import body_limit
from chassis.http.responses import problem_response, problems
from chassis.http.scope import covers, within
from chassis.http.words import names_nobody
from chassis.problems import NOT_FOUND

__all__ = [
    "NOT_FOUND",
    "Day",
    "Moment",
    "Principal",
    "Verifier",
    "accepts",
    "accepts_command",
    "allow",
    "answer",
    "body",
    "body_limit",
    "command_door",
    "correlation_id",
    "covers",
    "direct",
    "field_fault",
    "meta",
    "names_nobody",
    "problem_response",
    "problems",
    "shown_to",
    "within",
]
