"""The crash points of reliability.md section 4 A that exist today: where each is, and in which round it is played.

A round has at most one point per process, and the timers of payments have fourteen: there are as many rounds. Bills are taken back on an estate
whose bank sends no files yet, so those rounds come first. Points of services that are not built yet are listed too, and reported as absent.
"""

from __future__ import annotations

from dataclasses import dataclass

ACTIONS = ("kill", "term", "stop")
CALENDAR, FILE, CODE, WALLET, SHARES, UNPAID = "calendar", "file", "code", "wallet", "shares", "unpaid"
TAKEN_BACK, DEPARTURE, PAYOUT, ERASED = "taken back", "departure", "payout", "erased"


@dataclass(frozen=True)
class Point:
    """`at` is what FAULT_AT gets; `hit` the pass at which it acts; `needs`: what has to happen beside the load (causes.py).

    Codes are asked for open bills, so no round both asks for one and leaps over a month's end.
    """

    id: str
    process: str
    at: str
    round: int
    hit: int = 1
    needs: tuple[str, ...] = ()

    @property
    def service(self) -> str:
        return self.process.partition("-")[0]


_ONLINE, _PAY, _FILES = "RegisteringOnline", "pay", "timer.settlement-files"
_MONTH, _FILE, _CODE, _WALLET, _SHARES, _ENDED = (
    (CALENDAR,), (FILE,), (CODE,), (CODE, WALLET), (SHARES,), (UNPAID, CALENDAR)
)  # fmt: skip
_BACK, _GONE, _PAYOUT, _ERASED = (TAKEN_BACK,), (DEPARTURE,), (PAYOUT, CALENDAR), (ERASED, CALENDAR)
_REGISTRATION, _PAYMENTS, _NOTIFICATIONS = (
    "registration.contributions",
    "payments.participants",
    "notifications.participants",
)

POINTS = (
    Point("R1", "registration-api", f"queued:{_ONLINE}", 3, hit=4),
    Point("R2", "registration-api", f"appended:{_ONLINE}", 4, hit=4),
    Point("R3", "registration-api", f"before_commit:{_ONLINE}", 5, hit=4),
    Point("R4", "registration-api", f"committed:{_ONLINE}", 6, hit=4),
    Point("R5", "registration-api", "answered:/participants", 7, hit=9),
    Point("M1", "registration-workers", "M1", 3),
    Point("M2", "registration-workers", "before_commit:ImportingRows", 4, hit=2),
    Point("M3", "registration-workers", "M3", 5, hit=2),
    Point("M4", "registration-workers", "M4", 9),
    *(Point(f"O{n}", "payments-relay", f"O{n}", n + 2, hit=3 if n == 1 else 2) for n in range(1, 7)),
    Point("P1", "payments-consumers", "P1:participants", 3, hit=2),
    Point("P2", "payments-consumers", f"P2:{_PAYMENTS}", 4, hit=2),
    Point("P3", "payments-consumers", f"appended:{_PAYMENTS}", 5, hit=2),
    Point("P4", "payments-consumers", f"before_commit:{_PAYMENTS}", 6, hit=2),
    Point("P5", "payments-consumers", "P5:participants", 7, hit=2),
    Point("P6", "payments-consumers", "P6:participants", 8, hit=2),
    Point("Q1", "registration-consumers", "P1:contributions", 3, hit=2),
    Point("Q2", "registration-consumers", f"P2:{_REGISTRATION}", 4, hit=2),
    Point("Q3", "registration-consumers", f"appended:{_REGISTRATION}", 5, hit=2),
    Point("Q4", "registration-consumers", f"before_commit:{_REGISTRATION}", 6, hit=2),
    Point("Q5", "registration-consumers", "P5:contributions", 7, hit=2),
    Point("Q6", "registration-consumers", "P6:contributions", 8, hit=2),
    Point("W1", "payments-api", "W1:25", 3, hit=3),
    Point("W2", "payments-api", "W2:25", 4, hit=3),
    Point("W3", "payments-api", f"before_commit:{_PAY}", 5, hit=3),
    Point("W4", "payments-api", f"committed:{_PAY}", 6, hit=3),
    Point("W5", "payments-api", "answered:/snap/v1.0/transfer-va/payment", 7, hit=3),
    Point("D1", "payments-api", "committed:receive_files", 8, needs=_FILE),
    Point("D2", "payments-timers", f"before_commit:{_FILES}", 3, needs=_FILE),
    Point("D3", "payments-timers", "Z3:settlement-files", 4, needs=_FILE),
    Point("D4", "payments-timers", f"before_commit:{_FILES}", 5, hit=2, needs=_FILE),
    Point("H1", "payments-api", "H1", 9, needs=_CODE),
    Point("H2", "payments-api", "H2", 10, needs=_CODE),
    Point("H3", "payments-api", "before_commit:take_notices", 1, needs=_WALLET),
    Point("U1", "payments-timers", "before_commit:timer.collective-posting", 9, needs=_SHARES),
    Point("U2", "payments-timers", "Z3:collective-posting", 10, needs=_SHARES),
    Point("U3", "payments-timers", "before_commit:timer.collective-expiry", 6, needs=_ENDED),
    Point("U4", "payments-timers", "before_commit:timer.collective-reversal", 1, hit=2, needs=_BACK),
    Point("U5", "payments-timers", "Z3:collective-reversal", 2, needs=_BACK),
    Point("B1", "registration-timers", "before_commit:timer.handover", 2, needs=_GONE),
    Point("L1", "payments-timers", "before_commit:timer.incentive-runs", 8, needs=_MONTH),
    Point("L2", "payments-timers", "before_commit:timer.incentive-statements", 11, needs=_MONTH),
    Point("L3", "payments-timers", "before_commit:timer.incentive-wadah", 12, needs=_MONTH),
    Point("L4", "payments-timers", "before_commit:timer.incentive-orders", 13, needs=_PAYOUT),
    Point("L5", "payments-timers", "before_commit:timer.incentive-payouts", 14, needs=_PAYOUT),
    Point("N1", "notifications-consumers", "P1:participants", 3, hit=2),
    Point("N2", "notifications-consumers", f"before_commit:{_NOTIFICATIONS}", 4, hit=2),
    Point("N3", "notifications-consumers", "P5:participants", 5, hit=2),
    Point("N4", "notifications-workers", "N4", 3, hit=2),
    Point("N5", "notifications-workers", "N5", 4, hit=2),
    Point("Z1", "registration-timers", "Z1", 7, needs=_MONTH),
    Point("Z2", "payments-timers", "before_commit:timer.bill-expiry", 7, needs=_MONTH),
    Point("Z3", "registration-timers", "Z3", 8, needs=_MONTH),
    Point("E1", "registration-timers", "E1", 11, needs=_ERASED),
    Point("E2", "registration-timers", "E2", 12, needs=_ERASED),
)
"""Played in packed rounds under load."""

APART = ("K1", "K2")
"""Need a stage of their own: a parked key."""

AUDITED = (
    Point("A1", "audit-archive", "A1", 0, hit=2),
    Point("A2", "audit-archive", "A2", 0, hit=2),
    Point("A3", "audit-archive", "P5:participants", 0),
    Point("A4", "audit-signer", "A4", 0),
    Point("A5", "audit-signer", "A5", 0),
    *(Point(name, "registration", name, 0) for name in ("Y1", "Y2", "Y3")),
)
"""Played in one act in which audit plays too; of each process one after the other, Y1 to Y3 in the commands of a replay. A6 to A10, of the
commands that put a closed month away, are struck in tests/integration/audit/test_cold_killed.py: no load reaches a month that is over.
"""

ABSENT = {
    **dict.fromkeys(("C1", "C2", "C3", "C4"), "claims is not built yet"),
    **dict.fromkeys(("V1", "V2", "V3"), "the portal is not built yet"),
}
"""Points of what does not exist today, with the reason; 77 in all with those above."""

SMOKE = ("R4", "O4", "P4", "Q4", "W4", "M4")
"""The points of every test run: each door, import, relay and consumer, and nothing that has to be brought about."""
ROUNDS = sorted({point.round for point in POINTS})
EVERY = (*(point.id for point in (*POINTS, *AUDITED)), *APART, *ABSENT)
