"""One working example of every operation, as a template with slots where the caller names a thing. A sweep fills them with the
caller's own things, with somebody else's, and with things that do not exist.

A new route needs its example here, else the sweeps fail.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.integration.payments.acquirer import OUR_PEM
from tests.integration.payments.bank import pem
from tests.integration.registration.files import ROW
from tests.integration.registration.world import form, nik_of

ACQUIRER = "qris-made"
"""The one that makes QR codes where a service is served with its surroundings."""
_NUMBERS = itertools.count(1)
CSV = "text/csv"


@dataclass(frozen=True)
class Slot:
    """A place where the caller names a thing. `open`: anybody may name it, or it only says where a page begins."""

    name: str
    open: bool = False


class Fresh:
    """A value never used before in this run."""


class FreshNik:
    pass


@dataclass(frozen=True)
class Example:
    """`roles`: for these only, where a body depends on the role; empty: for all. `finds`: another's thing is a 404, not an empty page."""

    path: Mapping[str, Slot | str] = field(default_factory=dict)
    query: Mapping[str, Slot | str] = field(default_factory=dict)
    json: Any = None
    rows: Sequence[Mapping[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    roles: frozenset[str] = frozenset()

    def slots(self) -> list[Slot]:
        return list(dict.fromkeys(_slots([self.path, self.query, self.json, list(self.rows)])))

    def request(self, operation: str, values: Mapping[str, str]) -> dict[str, Any]:
        """The arguments of `httpx.Client.request`."""
        method, _, template = operation.partition(" ")
        url = template.format(**_filled(self.path, values))
        made: dict[str, Any] = {"method": method, "url": url, "headers": dict(self.headers)}
        if self.query:
            made["params"] = _filled(self.query, values)
        if self.json is not None:
            made["json"] = _filled(self.json, values)
        if self.rows:
            made["content"] = _table([_filled(row, values) for row in self.rows])
            made["headers"]["Content-Type"] = CSV
        return made


def _slots(node: Any) -> Iterator[Slot]:
    if isinstance(node, Slot):
        yield node
    elif isinstance(node, Mapping):
        for inner in node.values():
            yield from _slots(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _slots(inner)


def _filled(node: Any, values: Mapping[str, str]) -> Any:
    if isinstance(node, Slot):
        return values[node.name]
    if isinstance(node, type) and issubclass(node, FreshNik):
        return nik_of(date(1990, 3, 4))
    if isinstance(node, type) and issubclass(node, Fresh):
        return f"n-{next(_NUMBERS)}"
    if isinstance(node, Mapping):
        return {name: _filled(inner, values) for name, inner in node.items()}
    return [_filled(inner, values) for inner in node] if isinstance(node, list) else node


def _table(rows: Sequence[Mapping[str, str]]) -> bytes:
    sheet = io.StringIO()
    writer = csv.DictWriter(sheet, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    return sheet.getvalue().encode()


_FORM = {**form(), "nik": FreshNik}
_OUTREACH = {
    "wadah_id": Slot("wadah_id"),
    "kind": "JOINT",
    "place": "Balai Warga",
    "starts_at": "2025-10-07T02:00:00Z",
    "ends_at": "2025-10-07T04:00:00Z",
    "audience": ["PUBLIC"],
    "agents": [Slot("agent_id")],
}
_AGENT, _OUTREACH_ID, _IMPORT = (
    {"agent_id": Slot("agent_id")},
    {"outreach_id": Slot("outreach_id")},
    {"import_id": Slot("import_id")},
)
_REASSIGNMENT = {"reassignment_id": Slot("reassignment_id")}
_PARTICIPANT = {"participant_id": Slot("participant_id")}
_COLLECTIVE = {"bill_id": Slot("collective_bill_id")}
_PROPOSAL, _PAYEE, _ORDER = (
    {"proposal_id": Slot("proposal_id")},
    {"payee_account_id": Slot("payee_account_id")},
    {"order_id": Slot("order_id")},
)
_ACCOUNT = {"bank_code": "008", "number": "1370009876543", "holder": "Contoh Penerima"}
_ASSIGNED = {"payment_id": Slot("astray_payment_id"), "reason": "checked"}
_MONTH_OF_AGENT: dict[str, Slot | str] = {**_AGENT, "month": "2025-10"}
_MONTH_OF_WADAH: dict[str, Slot | str] = {"wadah_id": Slot("wadah_id"), "month": "2025-10"}
_DOUBT = {"agent_id": Slot("agent_id"), "month": "2025-10", "line": 1, "reason": "other", "note": "Mohon diperiksa."}
_TERMS = {"name": "Bank Contoh", "partner_ids": ["1"], "va_prefixes": ["7"]}
_PARTNER = {"partner": Fresh, "client_key": Fresh, "public_keys": [pem()], **_TERMS}
_DAY = {"partner": "bank-a", "day": "2025-10-06"}
_CORRECTION: dict[str, Slot | str] = {**_DAY, "proposal_id": Slot("proposal_id", open=True)}
_BOOKING: dict[str, Slot | str] = {"case_id": Slot("case_id", open=True), "proposal_id": Slot("proposal_id", open=True)}
_FILE = {"file_id": Slot("file_id", open=True)}
_CASE = {"case_id": Slot("case_id", open=True)}
_LAYOUT = {"partner_code": "BANK-A", "columns": ["reference", "amount", "paid_at"]}
_KIND = {"kind": "prepay_months"}
_SET = {"valid_from": "2025-11-01", "source": "Surat kantor pusat", "value": {"months": [1, 2, 3]}}
_CALLS = {"url": "https://example.com/snap/v1.0", "client_key": "perisai", "partner_id": "P", "merchant_id": "M"}
_NO_CREDENTIAL = {"partner": "bank-a", "credential_id": "018f0000-0000-7000-8000-000000000001"}
_NO_SET = {**_KIND, "set_id": "018f0000-0000-7000-8000-000000000001"}
_OPS: Mapping[str, Sequence[Example]] = {
    "GET /ops/status": [Example()],
    "GET /ops/parked": [Example()],
    "POST /ops/parked/retry": [Example()],
    "POST /ops/parked/{stream}/{key}/retry": [Example(path={"stream": "participants", "key": Slot("participant_id")})],
    "POST /ops/clock": [Example(json={"at": "2025-10-06T02:00:01Z"})],
    "POST /ops/as-of": [
        Example(
            json={
                "at": "2025-10-06T02:00:00Z",
                "keys": [{"stream": "participants", "key": Slot("participant_id", open=True)}],
            }
        )
    ],
}
EXAMPLES: Mapping[str, Mapping[str, Sequence[Example]]] = {
    "registration": {
        **_OPS,
        "POST /branches": [Example(json={"code": Fresh, "name": "Cabang Contoh", "city": "Tangerang"})],
        "GET /branches": [Example()],
        "POST /wadah": [
            Example(
                json={"name": "Koperasi", "agreement_number": Fresh, "term_from": "2025-02-01", "term_to": "2026-01-31"}
            )
        ],
        "GET /wadah": [Example(), Example(query={"renewal_due": "true"})],
        "POST /wadah/{wadah_id}/agreements": [
            Example(
                path={"wadah_id": Slot("wadah_id")},
                json={"agreement_number": Fresh, "term_from": "2030-01-01", "term_to": "2030-12-31"},
            )
        ],
        "POST /wadah/{wadah_id}/end": [
            Example(path={"wadah_id": Slot("wadah_id")}, json={"ended_on": "2025-12-01", "reason": "by_agreement"})
        ],
        "POST /agents": [
            Example(json={"participant_id": Slot("member_id"), "name": "Calon Agen", "phone": "081234567899"})
        ],
        "POST /agents/{agent_id}/certification": [
            Example(path=_AGENT, json={"certificate_number": "S-9", "certified_on": "2025-10-01"})
        ],
        "POST /agents/{agent_id}/activation": [Example(path=_AGENT)],
        "POST /agents/{agent_id}/suspension": [Example(path=_AGENT, json={"reason": "review"})],
        "POST /agents/{agent_id}/reinstatement": [Example(path=_AGENT)],
        "POST /agents/{agent_id}/departure": [Example(path=_AGENT, json={"kind": "DROP", "reason": "no_acquisition"})],
        "POST /agents/{agent_id}/departure/approval": [Example(path=_AGENT)],
        "POST /agents/{agent_id}/departure/refusal": [Example(path=_AGENT, json={"reason": "not_proven"})],
        "POST /reassignments": [
            Example(json={"participants": [Slot("participant_id")], "agent_id": None, "reason": "on_request"})
        ],
        "GET /reassignments": [Example()],
        "POST /reassignments/{reassignment_id}/approval": [Example(path=_REASSIGNMENT)],
        "POST /reassignments/{reassignment_id}/refusal": [Example(path=_REASSIGNMENT, json={"reason": "not_needed"})],
        "GET /agents": [Example()],
        "GET /agents/{agent_id}": [Example(path=_AGENT)],
        "POST /outreach": [Example(json=_OUTREACH)],
        "POST /outreach/{outreach_id}/join": [Example(path=_OUTREACH_ID, json={"officers": ["officer-9"]})],
        "POST /outreach/{outreach_id}/held": [Example(path=_OUTREACH_ID, json={"head_count": 3})],
        "POST /outreach/{outreach_id}/cancellation": [Example(path=_OUTREACH_ID, json={"reason": "hujan"})],
        "GET /outreach": [Example()],
        "GET /outreach/{outreach_id}": [Example(path=_OUTREACH_ID)],
        "POST /participants": [
            Example(json={**_FORM, "outreach_id": Slot("outreach_id")}, roles=frozenset({"agent", "officer"})),
            Example(
                json={**_FORM, "outreach_id": Slot("outreach_id"), "branch_id": Slot("branch_id", open=True)},
                roles=frozenset({"participant"}),
            ),
        ],
        "GET /participants": [Example(query={"cursor": Slot("participant_id", open=True)}), Example()],
        "GET /participants/{participant_id}": [Example(path=_PARTICIPANT)],
        "GET /participants/counts": [Example()],
        "POST /participants/search": [Example(json={"nik": Slot("nik")})],
        "POST /participants/{participant_id}/correction": [Example(path=_PARTICIPANT, json={"income": 1_500_000})],
        "POST /participants/{participant_id}/closure": [Example(path=_PARTICIPANT, json={"died_on": "2025-10-05"})],
        "POST /participants/{participant_id}/erasure": [Example(path=_PARTICIPANT, json={"ground": "requested"})],
        "GET /erasures": [Example(), Example(query={"participant_id": Slot("participant_id", open=True)})],
        "POST /participants/{participant_id}/export": [Example(path=_PARTICIPANT)],
        "POST /participants/{participant_id}/export/given": [Example(path=_PARTICIPANT)],
        "GET /participants/{participant_id}/export": [Example(path=_PARTICIPANT)],
        "GET /exports": [Example(), Example(query={"participant_id": Slot("participant_id", open=True)})],
        "POST /imports": [Example(rows=[{"nik": FreshNik, **ROW, "agent_code": "", "outreach_id": ""}])],
        "GET /imports/template": [Example()],
        "GET /imports": [Example()],
        "GET /imports/{import_id}": [Example(path=_IMPORT)],
        "GET /imports/{import_id}/results": [
            Example(path=_IMPORT),
            Example(path=_IMPORT, headers={"Accept": "text/csv"}),
            Example(path=_IMPORT, query={"after": "0", "limit": "1"}),
        ],
    },
    "payments": {
        **_OPS,
        "GET /participants/{participant_id}/export": [Example(path=_PARTICIPANT)],
        "POST /bills": [Example(json={"participant_id": Slot("participant_id"), "months": 3})],
        "POST /bills/{bill_id}/cancel": [Example(path={"bill_id": Slot("bill_id")})],
        "POST /bills/{bill_id}/va": [Example(path={"bill_id": Slot("open_bill_id")})],
        "GET /bills": [Example(query=_PARTICIPANT)],
        "GET /payments": [Example(query=_PARTICIPANT)],
        "GET /credit": [Example(query=_PARTICIPANT)],
        "GET /contributions/totals": [Example()],
        "POST /collective-bills": [
            Example(json={"participants": [Slot("participant_id")], "funding_source": "DONOR", "months": 1})
        ],
        "POST /collective-bills/upload": [
            Example(rows=[{"participant_id": Slot("participant_id"), "months": "1"}], query={"funding_source": "DONOR"})
        ],
        "POST /collective-bills/{bill_id}/cancel": [Example(path=_COLLECTIVE, json={"reason": "review"})],
        "GET /collective-bills": [Example(), Example(query={"before": Slot("collective_bill_id", open=True)})],
        "GET /collective-bills/{bill_id}": [Example(path=_COLLECTIVE)],
        "GET /collective-bills/{bill_id}/lines": [
            Example(path=_COLLECTIVE),
            Example(path=_COLLECTIVE, query={"after": "0"}),
        ],
        "GET /collective-bills/{bill_id}/proof-link": [Example(path={"bill_id": Slot("paid_collective_bill_id")})],
        "POST /agent-balances": [Example()],
        "POST /agent-balances/charges": [Example(json=_PARTICIPANT)],
        "GET /agent-balances": [Example()],
        "GET /agent-balances/{agent_id}/statement": [Example(path=_AGENT)],
        "POST /agent-balances/{agent_id}/withdrawals": [
            Example(
                path=_AGENT, json={"amount": 1, "reason": "on_request", "payee_account_id": Slot("payee_account_id")}
            )
        ],
        "POST /cash": [Example(json=_PARTICIPANT)],
        "POST /cash/returns": [Example(json={**_PARTICIPANT, "bill_id": Slot("open_bill_id")})],
        "GET /cash/agents/{agent_id}/statement": [Example(path=_AGENT)],
        "GET /cash": [Example()],
        "GET /cash/agents": [Example()],
        "GET /payments/{payment_id}/proof-link": [Example(path={"payment_id": Slot("payment_id")})],
        "GET /incentives/statements": [
            Example(),
            Example(query=_AGENT),
            Example(query={"wadah_id": Slot("wadah_id"), "month": "2025-10"}),
        ],
        "GET /incentives/agents/{agent_id}/statements/{month}": [Example(path=_MONTH_OF_AGENT)],
        "GET /incentives/agents/{agent_id}/statements/{month}/lines": [Example(path=_MONTH_OF_AGENT)],
        "GET /incentives/agents/{agent_id}/statements/{month}/lines/{line}/events": [
            Example(path={**_MONTH_OF_AGENT, "line": "1"})
        ],
        "GET /incentives/agents/{agent_id}/statements/{month}/document.{form}": [
            Example(path={**_MONTH_OF_AGENT, "form": "xlsx"}),
            Example(path={**_MONTH_OF_AGENT, "form": "pdf"}),
        ],
        "GET /incentives/wadah": [Example(), Example(query={"wadah_id": Slot("wadah_id")})],
        "GET /incentives/wadah/{wadah_id}/statements/{month}": [Example(path=_MONTH_OF_WADAH)],
        "GET /incentives/wadah/{wadah_id}/statements/{month}/document.{form}": [
            Example(path={**_MONTH_OF_WADAH, "form": "xlsx"}),
            Example(path={**_MONTH_OF_WADAH, "form": "pdf"}),
        ],
        "GET /incentives/payouts": [Example(), Example(query={"wadah_id": Slot("wadah_id"), "overdue": "true"})],
        "GET /incentives/runs": [Example()],
        "GET /agents/{agent_id}/activity": [Example(path=_AGENT)],
        "POST /incentives/disputes": [Example(json=_DOUBT)],
        "POST /incentives/disputes/{dispute_id}/answer": [
            Example(path={"dispute_id": Slot("dispute_id")}, json={"upheld": False, "note": "Sudah benar."})
        ],
        "GET /incentives/disputes": [Example(), Example(query=_AGENT)],
        "GET /ledger/trial-balance": [Example()],
        "GET /ledger/accounts/{account}/transfers": [
            Example(path={"account": "clearing:bank-a"}),
            Example(path={"account": "clearing:bank-a"}, query={"after": Slot("transfer", open=True)}),
        ],
        "GET /suspense": [Example(), Example(query={"after": Slot("astray_payment_id", open=True)})],
        "POST /suspense/{payment_id}/owner": [Example(path={"payment_id": Slot("astray_payment_id")})],
        "POST /proposals": [
            Example(
                json={
                    "action": "RETURN",
                    "payment_id": Slot("astray_payment_id"),
                    "amount": 1,
                    "reason": "checked",
                    "payee_account_id": Slot("payee_account_id"),
                }
            ),
            Example(json={**_ASSIGNED, "action": "MATCH", **_PARTICIPANT, "bill_id": Slot("bill_id")}),
        ],
        "GET /proposals": [Example(), Example(query={"after": Slot("proposal_id", open=True)})],
        "POST /proposals/{proposal_id}/approval": [Example(path=_PROPOSAL)],
        "POST /proposals/{proposal_id}/refusal": [Example(path=_PROPOSAL, json={"reason": "not_proven"})],
        "POST /proposals/{proposal_id}/withdrawal": [Example(path=_PROPOSAL)],
        "POST /payee-accounts": [
            Example(json={"kind": "PARTICIPANT", "owner_id": Slot("participant_id"), **_ACCOUNT}),
            Example(json={"kind": "PAYER", **_ACCOUNT}),
        ],
        "GET /payee-accounts": [Example(), Example(query={"owner_id": Slot("participant_id")})],
        "GET /payee-accounts/{payee_account_id}": [Example(path=_PAYEE)],
        "POST /payee-accounts/{payee_account_id}/verification": [Example(path=_PAYEE, json={"evidence": "buku 1"})],
        "POST /payee-accounts/{payee_account_id}/retirement": [Example(path=_PAYEE, json={"reason": "moved"})],
        "GET /transfer-orders": [Example(), Example(query={"after": Slot("order_id", open=True)})],
        "POST /transfer-orders/{order_id}/confirmation": [
            Example(path=_ORDER, json={"partner": "bank-a", "paid_on": "2025-10-06", "evidence": "MT940 1/1"})
        ],
        "POST /transfer-orders/{order_id}/failure": [Example(path=_ORDER, json={"reason": "account_closed"})],
        "GET /refunds": [Example(), Example(query={"after": Slot("astray_payment_id", open=True)})],
        "POST /bills/{bill_id}/qr": [Example(path={"bill_id": Slot("open_bill_id")})],
        "GET /bills/{bill_id}/qr": [Example(path={"bill_id": Slot("open_bill_id")})],
        "POST /settlements/layouts": [
            Example(json={"partner": "bank-a", "valid_from": "2030-01-01", "layout": _LAYOUT})
        ],
        "GET /settlements/layouts": [Example()],
        "POST /settlements/days/{partner}/{day}/files": [
            Example(path=_DAY, rows=[{"reference": "1", "amount": "16800"}])
        ],
        "GET /settlements/files": [Example()],
        "GET /settlements/files/{file_id}": [Example(path=_FILE)],
        "GET /settlements/files/{file_id}/lines": [Example(path=_FILE)],
        "GET /settlements/days/{partner}/{day}": [Example(path=_DAY)],
        "POST /settlements/days/{partner}/{day}/credits": [
            Example(path=_DAY, json={"amount": 1, "evidence": "MT940-1"})
        ],
        "POST /settlements/days/{partner}/{day}/corrections": [
            Example(path=_DAY, json={"evidence": "MT940-1", "amount": 2, "reason": "typo"})
        ],
        "POST /settlements/days/{partner}/{day}/corrections/{proposal_id}/approval": [Example(path=_CORRECTION)],
        "POST /settlements/days/{partner}/{day}/corrections/{proposal_id}/refusal": [Example(path=_CORRECTION)],
        "GET /settlements/cases": [Example()],
        "GET /settlements/cases/{case_id}": [Example(path=_CASE)],
        "POST /settlements/cases/{case_id}/take": [Example(path=_CASE)],
        "POST /settlements/cases/{case_id}/status": [Example(path=_CASE, json={"answer": "paid"})],
        "POST /settlements/cases/{case_id}/close": [Example(path=_CASE, json={"outcome": "explained"})],
        "POST /settlements/cases/{case_id}/bookings": [
            Example(path=_CASE, json={"amount": 1, "reason": "came", "evidence": "MT940-1"})
        ],
        "POST /settlements/cases/{case_id}/bookings/{proposal_id}/approval": [Example(path=_BOOKING)],
        "POST /settlements/cases/{case_id}/bookings/{proposal_id}/refusal": [Example(path=_BOOKING)],
        "POST /partners": [Example(json=_PARTNER)],
        "POST /partners/{partner}/keys": [Example(path={"partner": "bank-a"}, json={"public_keys": [pem()]})],
        "POST /partners/{partner}/terms": [Example(path={"partner": "bank-a"}, json=_TERMS)],
        "POST /partners/{partner}/conditions": [
            Example(path={"partner": "bank-a"}, json={"valid_from": "2030-01-01", "conditions": {"closes": "22:00"}})
        ],
        "POST /partners/{partner}/secrets": [
            Example(path={"partner": "bank-z"}, json={"old_until": "2099-01-01T00:00:00Z"})
        ],
        "POST /partners/{partner}/enable": [Example(path={"partner": "bank-z"})],
        "GET /partners/{partner}": [Example(path={"partner": "bank-a"})],
        "POST /partners/{partner}/disable": [Example(path={"partner": "bank-z"}, json={"reason": "review"})],
        "GET /partners": [Example()],
        "POST /partners/{partner}/acquirer": [Example(path={"partner": "bank-a"}, json=_CALLS)],
        "POST /partners/{partner}/acquirer/keys": [Example(path={"partner": "bank-a"}, json={"private_key": OUR_PEM})],
        "POST /partners/{partner}/acquirer/secrets": [
            Example(path={"partner": "bank-a"}, json={"client_secret": "a-secret-of-the-acquirer-1"})
        ],
        "POST /partners/{partner}/acquirer/credentials/{credential_id}/activate": [
            Example(path=_NO_CREDENTIAL, json={"old_until": "2099-01-01T00:00:00Z"})
        ],
        "POST /partners/{partner}/acquirer/credentials/{credential_id}/retire": [Example(path=_NO_CREDENTIAL)],
        "GET /partners/{partner}/acquirer": [Example(path={"partner": ACQUIRER})],
        "GET /parameters": [Example()],
        "GET /parameters/proposals": [Example()],
        "GET /parameters/{kind}": [Example(path=_KIND)],
        "POST /parameters/{kind}/proposals": [Example(path=_KIND, json=_SET)],
        "POST /parameters/{kind}/proposals/{set_id}/approve": [Example(path=_NO_SET)],
        "POST /parameters/{kind}/proposals/{set_id}/withdraw": [Example(path=_NO_SET, json={"reason": "salah ketik"})],
    },
    "notifications": {
        **_OPS,
        "GET /participants/{participant_id}/export": [Example(path=_PARTICIPANT)],
        "GET /notifications": [
            Example(),
            Example(query=_PARTICIPANT),
            Example(query={"before": Slot("notification_id", open=True)}),
        ],
        "GET /notifications/counts": [Example()],
        "POST /notifications/counts": [Example(json={"participant_ids": [Slot("participant_id")]})],
    },
    "audit": {
        **_OPS,
        "GET /participants/{participant_id}/export": [Example(path=_PARTICIPANT)],
        "GET /events": [
            Example(),
            Example(query={**_PARTICIPANT, "since": "2025-01-01T00:00:00Z", "order": "oldest"}),
            Example(query={"stream": "participants", "key": Slot("participant_id"), "after": "0", "limit": "1"}),
        ],
        "GET /events/{event_id}": [Example(path={"event_id": Slot("event_id")})],
        "GET /accounts/{subject}/{id}": [
            Example(path={"subject": "participant", "id": Slot("participant_id")}, query={"at": "2025-10-06T02:00:00Z"})
        ],
        "GET /oddities": [Example(), Example(query={"stream": "participants", "key": Slot("participant_id")})],
        "GET /checkpoints/newest": [Example()],
    },
}
"""Service → operation → examples. Doors in roles.toml's [signed] and [open] have proofs of their own."""


def examples(service: str, operation: str, role: str) -> list[Example]:
    """Those that this role would send; any, for a role the door is closed to."""
    every = EXAMPLES[service][operation]
    return [one for one in every if not one.roles or role in one.roles] or [every[0]]
