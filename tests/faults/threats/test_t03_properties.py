"""T3: nobody writes a property that the form does not declare, and nobody reads one that his role is not shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import pytest

from chassis.http.faults import MOST_ERRORS
from services.audit import tables as audit
from services.notifications import tables as notifications
from services.payments import tables as payments
from services.registration import tables as registration
from tests.faults.evidence import Evidence, Violation
from tests.faults.inputs.refusals import odd
from tests.faults.threats import served as doors
from tests.faults.threats.examples import EXAMPLES, Example
from tests.faults.threats.served import ROLES, served
from tests.faults.threats.tenants import BUILD, SCOPED, Tenant
from tests.faults.trial import nothing_changes
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.people import register
from tests.support.service import Harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(600)
EVERY = pytest.mark.parametrize("service", ["registration", "payments", "notifications", "audit"])
_COLUMNS = {
    name: sorted({column.name for table in module.metadata.tables.values() for column in table.columns})
    for name, module in {
        "registration": registration,
        "payments": payments,
        "notifications": notifications,
        "audit": audit,
    }.items()
}
"""What a caller might wish to set: every column there is."""
WISHES = ("roles", "sub", "is_admin", "__proto__", "id", "position", "tx_id", "seq", "surprise")


def _fields(names: str) -> frozenset[str]:
    return frozenset(names.split())


# What each role is shown, from domain.md section 2: an agent the own participants, the branch its own in full, the person
# everything of the own, a coordinator counts alone, and the rest numbers without who it is.
_NUMBERS: Final = _fields(
    "participant_id contribution_code kpj status protected_until message_failed registered_on pay_until"
)
_SUMMARY: Final = _NUMBERS | {"name", "phone"}
_FACTS: Final = _fields(
    "branch_id wadah_id agent_id outreach_id occupation sector work_place working_hours income "
    "employs_others programmes funding_source language consent spells"
)
_WHO: Final = frozenset({"nik", "birth_place", "birth_date", "sex", "email", "address"})
_AGENT: Final = _fields(
    "agent_id agent_code wadah_id branch_id participant_id status certificate_number certified_on activated_on "
    "departure_proposed left_on"
)
_REASSIGNMENT: Final = _fields(
    "reassignment_id branch_id participants agent_id wadah_id reason proposed_by proposed_at status decided_by decision "
    "from_month"
)
_ERASURE: Final = _fields(
    "participant_id erasure_id ground status requested_by requested_at due_by hours_left decided_at obstacles retained_until"
)
_EXPORT: Final = _fields(
    "participant_id export_id status requested_by requested_at due_by hours_left given_by given_at"
)
_COPY: Final = _fields("service participant_id made_at tables events told")
_SESSION: Final = _fields(
    "outreach_id branch_id wadah_id kind status place starts_at ends_at audience agents officers head_count questions"
)
_IMPORT: Final = _fields("import_id status fault form rows accepted refused blank_lines line uploaded_at finished_at")
_BILL: Final = _fields(
    "bill_id participant_id kind months amount funding_source status reason issued_at expires_at payment_id rules number"
)
_PAYMENT: Final = _fields(
    "payment_id participant_id bill_id kind partner channel channel_reference amount months "
    "effective_at posted_at reversed_for number"
)
_COLLECTIVE: Final = _fields(
    "bill_id code funding_source heads amount status reason issued_at expires_at payment_id effective_at posted_at "
    "shares_posted shares_suspended reversed_at reversed_for shares_reversed shares_kept rules"
)
_BOARD: Final = ("coordinator", "officer", "checker", "central", "auditor", "operator")
_EARNED: Final = _fields(
    "agent_id code wadah_id month scheme acquisitions received acquisition_pay contribution_pay agent carved adjusted "
    "carried_in payable carried_out lines months_without drop_months drop_due issued_at"
)
_TO_WADAH: Final = _fields(
    "wadah_id wadah agreement_number agreement agreement_ends without_agreement month scheme rules agents acquisitions monthly_target "
    "months_below drop_months end_due "
    "received agents_payable share adjusted carried_in "
    "share_payable carried_out gross tax_bps tax payout order_from pay_by issued_at order_id paid_at paid_on"
)
_MESSAGE: Final = _fields(
    "notification_id participant_id cause channel template template_version language state reason "
    "attempts queued_at not_after sent_at delivered_at"
)
_CASE: Final = _fields(
    "payment_id partner channel channel_reference participant_id branch_id amount held reason effective_at since "
    "age_days owner waits_for proposal_id pending outcome closed_at"
)
_PROPOSAL: Final = _fields(
    "proposal_id action payment_id amount reason evidence participant_id bill_id account payee_account_id "
    "made_by made_at status decided_by decided_at decision agent_id others_pending"
)
_PAYEE: Final = _fields(
    "payee_account_id kind owner_id bank_code number_ends recorded_by verified_by evidence retired_for"
)
_ORDER: Final = _fields(
    "order_id purpose reference payee_account_id amount account payment_id participant_id status ordered_at "
    "closed_at partner paid_on evidence failed_for"
)
_KEEPERS: Final = ("officer", "checker", "central", "auditor", "operator")
_OFFICE: Final = ("central", "operator", "auditor")
_PARTNER: Final = _fields(
    "partner name client_key partner_ids va_prefixes live_keys keys secrets signature_mode repeat_profile "
    "strictness conditions enabled disabled_for"
)
"""`keys` and `secrets` say which there are and until when they live, never what they are."""
_QR: Final = _fields("bill_id state amount content acquirer_reference expires_at reason")
_FILE: Final = _fields(
    "file_id partner day sha256 status lines lines_done amount fees outcomes received_at reconciled_at hindrance"
)
_LINE: Final = _fields("line outcome reference payment_id amount fee paid_at amount_here reason first_file first_line")
_DIFFERENCE: Final = _fields(
    "case_id kind partner day owner file_id line reference payment_id amount_here amount_there reason opened_at age_days "
    "status_told outcome evidence closed_at booking"
)
_MESSAGES: Final = frozenset({"queued", "waiting", "sent", "delivered", "failed", "unknown"})
_ARCHIVED: Final = _fields(
    "place leaf_hash intact event_id topic source stream key seq type version rules occurred_at recorded_at actor "
    "correlation_id causation_id branch_id wadah_id agent_id participant_id bill_id payload payload_sha256 records more_records"
)
FULL: Final = ("officer", "checker", "participant")
UNNAMED: Final = ("central", "auditor", "operator", "service")


def _each(roles: Iterable[str], shown: frozenset[str]) -> dict[str, frozenset[str]]:
    return dict.fromkeys(roles, shown)


_SEES_AGENTS = _each(("agent", "coordinator", "officer", "checker"), _AGENT | {"name", "phone"}) | _each(
    ("central", "auditor"), _AGENT
)
_SEES_PEOPLE = _each((*FULL, "agent"), _SUMMARY) | _each(UNNAMED, _NUMBERS)
_COUNTS = _fields("unpaid protected grace lapsed inactive expired closed")
SHOWN: Final[Mapping[str, Mapping[str, Mapping[str, frozenset[str]]]]] = {
    "registration": {
        "GET /branches": _each([r for r in ROLES if r != "service"], _fields("branch_id code name city time_zone")),
        "GET /wadah": _each(
            ("agent", "coordinator", "officer", "checker", "central", "auditor"),
            _fields("wadah_id branch_id name agreement_number scheme term_from term_to ended_on monthly_target agreements renewal_due"),
        ),
        "GET /agents": _SEES_AGENTS,
        "GET /agents/{agent_id}": _SEES_AGENTS,
        "GET /reassignments": _each(("officer", "checker", "central", "auditor"), _REASSIGNMENT),
        "GET /erasures": _each(("central", "auditor"), _ERASURE),
        "GET /exports": _each(("agent", "officer", "checker", "participant", "central", "auditor"), _EXPORT),
        "GET /participants/{participant_id}/export": _each(FULL, _COPY),
        "GET /outreach": _each(("agent", "coordinator", "officer", "checker", "central", "auditor"), _SESSION),
        "GET /outreach/{outreach_id}": _each(("agent", "coordinator", "officer", "checker", "central", "auditor"), _SESSION),
        "GET /participants": _SEES_PEOPLE,
        "POST /participants/search": _each(("officer", "checker"), _SUMMARY),
        "GET /participants/{participant_id}": {
            role: shown | _FACTS | (frozenset() if role in UNNAMED else _WHO) for role, shown in _SEES_PEOPLE.items()
        },
        "GET /participants/counts": _each(("agent", "coordinator", "officer", "checker", *UNNAMED), _COUNTS),
        "GET /imports": _each(("agent", "officer", "coordinator", "checker"), _IMPORT),
        "GET /imports/{import_id}": _each(("agent", "officer", "coordinator", "checker"), _IMPORT | {"codes"}),
        "GET /imports/{import_id}/results": _each(
            ("agent", "officer", "coordinator", "checker"),
            _fields("line outcome code column remedy participant_id contribution_code warnings"),
        ),
    },
    "payments": {
        "GET /participants/{participant_id}/export": _each(FULL, _COPY),
        "GET /bills": _each(("agent", *FULL, "central", "auditor", "operator"), _BILL),
        "GET /payments": _each(("agent", *FULL, "central", "auditor", "operator"), _PAYMENT),
        "GET /credit": _each(
            ("agent", *FULL, "central", "auditor", "operator"), _fields("participant_id credit from_suspense credited")
        ),
        "GET /contributions/totals": _each(
            ("agent", *FULL, "central", "auditor", "operator"),
            frozenset({"participants", "billed", "paid", "contributions"}),
        ),
        "GET /collective-bills": _each(_BOARD, _COLLECTIVE),
        "GET /collective-bills/{bill_id}": _each(_BOARD, _COLLECTIVE),
        "GET /collective-bills/{bill_id}/lines": _each(
            _BOARD,
            _fields(
                "number participant_id contribution_code kind months amount void payment_id suspended_for reversed kept_for"
            ),
        ),
        "GET /agent-balances": _each(("agent", *_BOARD), _fields("agent_id code balance")),
        "GET /agent-balances/{agent_id}/statement": _each(
            ("agent", "officer", "checker", "central", "auditor", "operator"), _fields("agent_id lines next")
        ),
        "GET /cash": _each(
            ("agent", "officer", "checker", "central", "auditor", "operator"),
            _fields("bill_id participant_id agent_id amount received_at reported_at age_hours"),
        ),
        "GET /cash/agents/{agent_id}/statement": _each(
            ("agent", "officer", "checker", "central", "auditor", "operator"), _fields("agent_id lines next")
        ),
        "GET /cash/agents": _each(
            ("agent", *_BOARD), _fields("agent_id notes amount oldest_received_at age_hours")
        ),
        "GET /payments/{payment_id}/proof-link": _each(("agent", *FULL), _fields("path expires_at")),
        "GET /collective-bills/{bill_id}/proof-link": _each(
            ("coordinator", "officer", "checker"), _fields("path expires_at")
        ),
        "GET /incentives/statements": _each(("agent", *_BOARD), _EARNED),
        "GET /incentives/agents/{agent_id}/statements/{month}": _each(
            ("agent", *_BOARD),
            _EARNED | _fields("wadah agreement_number agreement agreement_ends without_agreement rules fingerprint event_id adjustments"),
        ),
        "GET /incentives/agents/{agent_id}/statements/{month}/lines": _each(
            ("agent", *_BOARD),
            _fields(
                "line month sign payment_id participant_id participant_number with_jht contribution_month k bps received per_head pay pay_reason"
            ),
        ),
        "GET /incentives/agents/{agent_id}/statements/{month}/lines/{line}/events": _each(
            ("agent", *_BOARD), _fields("event_id stream type version rules occurred_at payment_id")
        ),
        "GET /incentives/wadah": _each(_BOARD, _TO_WADAH),
        "GET /incentives/wadah/{wadah_id}/statements/{month}": _each(
            _BOARD, _TO_WADAH | _fields("event_id adjustments of_agents")
        ),
        "GET /incentives/payouts": _each(
            _BOARD,
            _fields(
                "wadah_id wadah agreement_number month payout order_from pay_by order_id overdue days_overdue told_at "
                "hindrance what_to_do"
            ),
        ),
        "GET /incentives/runs": _each(
            ("central", "auditor", "operator"),
            _fields(
                "month closed_at statements_at orders_at pay_by completed_at agents_done wadah_done lines_done "
                "agents_awaiting payout"
            ),
        ),
        "GET /agents/{agent_id}/activity": _each(("agent", *_BOARD), _fields("agent_id months")),
        "GET /incentives/disputes": _each(
            ("agent", *_BOARD),
            _fields(
                "dispute_id agent_id wadah_id run month line reason note raised_by raised_at upheld answer answered_by answered_at"
            ),
        ),
        "GET /ledger/trial-balance": _each(
            ("officer", "checker", "central", "auditor", "operator"),
            _fields("accounts debit credit imbalance contributions suspense"),
        ),
        "GET /ledger/accounts/{account}/transfers": _each(
            ("officer", "checker", "central", "auditor", "operator"),
            _fields("event_id line debit credit amount payment_id participant_id month occurred_at balance"),
        ),
        "GET /suspense": _each(_KEEPERS, _CASE),
        "GET /proposals": _each(_KEEPERS, _PROPOSAL),
        "GET /payee-accounts": _each(("officer", "checker"), _PAYEE),
        "GET /payee-accounts/{payee_account_id}": _each(("officer", "checker"), _PAYEE | {"number", "holder"}),
        "GET /transfer-orders": _each(_KEEPERS, _ORDER),
        "GET /refunds": _each(_KEEPERS, _fields("payment_id participant_id amount months reason since order_status")),
        "GET /partners": _each(_OFFICE, _PARTNER),
        "GET /partners/{partner}": _each(_OFFICE, _PARTNER),
        "GET /partners/{partner}/acquirer": _each(
            _OFFICE, _fields("partner url client_key partner_id channel_id merchant_id rank credentials offered")
        ),
        "GET /bills/{bill_id}/qr": _each(("agent", *FULL, "central", "auditor", "operator"), _QR),
        "GET /settlements/layouts": _each(_OFFICE, _fields("partner valid_from layout agreed_at")),
        "GET /settlements/files": _each(_OFFICE, _FILE),
        "GET /settlements/files/{file_id}": _each(_OFFICE, _FILE),
        "GET /settlements/files/{file_id}/lines": _each(_OFFICE, _LINE),
        "GET /settlements/days/{partner}/{day}": _each(
            _OFFICE,
            _fields("partner day file_id status expected fees received gap open_cases credits corrections differences"),
        ),
        "GET /settlements/cases": _each(_OFFICE, _DIFFERENCE),
        "GET /settlements/cases/{case_id}": _each(_OFFICE, _DIFFERENCE),
        "GET /parameters": _each(("central", "auditor", "operator"), _fields("kind subject in_force")),
        "GET /parameters/proposals": _each(
            ("central", "auditor", "operator"),
            _fields("kind subject set_id version valid_from source value proposed_by proposed_at"),
        ),
        "GET /parameters/{kind}": _each(
            ("central", "auditor", "operator"),
            _fields(
                "set_id version status valid_from valid_to source value proposed_by proposed_at decided_by decided_at reason displaced_by"
            ),
        ),
    },
    "notifications": {
        "GET /participants/{participant_id}/export": _each(FULL, _COPY),
        "GET /notifications": _each(("agent", *FULL, *UNNAMED), _MESSAGE),
        "GET /notifications/counts": _each(("coordinator", "officer", "checker", *UNNAMED), _MESSAGES),
        "POST /notifications/counts": _each(("coordinator", "officer", "checker", *UNNAMED), _MESSAGES),
    },
    "audit": {
        "GET /participants/{participant_id}/export": _each(FULL, _COPY),
        "GET /events": _each(("auditor",), _ARCHIVED),
        "GET /events/{event_id}": _each(("auditor",), _ARCHIVED),
        "GET /accounts/{subject}/{id}": _each(("auditor",), _fields("subject id at events related more_related keys")),
        "GET /oddities": _each(("auditor",), _fields("oddity stream key seq until event_id reason record")),
        "GET /checkpoints/newest": _each(("auditor",), _fields("log size root before signed_at note")),
    },
}  # fmt: skip
_SEES_NIK = ("officer", "checker", "participant")
_NEITHER = {
    "GET /imports/template",
    "GET /ops/status",
    "GET /ops/parked",
    "GET /incentives/agents/{agent_id}/statements/{month}/document.{form}",
    "GET /incentives/wadah/{wadah_id}/statements/{month}/document.{form}",
}
"""A header of columns, what an operator sees of the machine, and files whose content is that of the pages beside them."""


# --- writing --------------------------------------------------------------------------------------------------------


def _spoilt(node: Any, wish: str) -> Iterator[Any]:
    """The body with this member in each of its objects in turn, where it is none of the object's own."""
    if isinstance(node, Mapping):
        if wish not in node:
            yield {**node, wish: "x"}
        for name, inner in node.items():
            for changed in _spoilt(inner, wish):
                yield {**node, name: changed}
    elif isinstance(node, list):
        for at, inner in enumerate(node):
            for changed in _spoilt(inner, wish):
                yield [*node[:at], changed, *node[at + 1 :]]


def _declared(h: Harness, operation: str) -> set[str]:
    """Members of the body's own schema: no surprise there."""
    method, _, path = operation.partition(" ")
    whole = h.asgi.openapi()
    body = whole["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
    name = body.get("$ref", "").rpartition("/")[2]
    schema = whole["components"]["schemas"][name] if name else body
    return set(schema.get("properties", ()))


@pytest.mark.cell("threat.T3", fault="T3", service="all")
@EVERY
async def test_a_property_that_no_form_declares_is_refused_and_named(
    service: str, stack: Stack, evidence: Evidence
) -> None:
    async with served(service, stack) as h:
        (tenant, *_) = await BUILD[service](h)
        async with nothing_changes(h, evidence, proving="T3.write", without={"number_blocks"}) as trial:
            for operation, example in _writes(service):
                role = sorted(doors.roles_of(service)[operation])[0]
                body = example.request(operation, tenant.values)["json"]
                declared = _declared(h, operation)
                for wish in (*WISHES, *_COLUMNS[service]):
                    for spoilt in _spoilt(body, wish) if wish not in declared else ():
                        request = example.request(operation, tenant.values) | {"json": spoilt}
                        request["headers"] |= _headers(h, tenant, role)
                        answer = await h.client.request(**request)
                        named = {one["field"].rpartition(".")[2] for one in answer.json().get("errors", ())}
                        fine = answer.status_code == 422 and wish in named
                        trial.take([] if fine else [odd(operation, wish, 422, answer.status_code)])


def _writes(service: str) -> list[tuple[str, Example]]:
    return [(operation, every[0]) for operation, every in EXAMPLES[service].items() if every[0].json is not None]


def _headers(h: Harness, tenant: Tenant, role: str) -> dict[str, str]:
    if role in SCOPED:
        return tenant.headers(h, role)
    return h.token(roles=[role])


@pytest.mark.cell("threat.T3", fault="T3", service="all")
@EVERY
async def test_a_query_parameter_that_no_door_declares_is_refused_and_named(
    service: str, stack: Stack, evidence: Evidence
) -> None:
    """Every door of the service's OpenAPI that asks for a token; first of all one that misspells a filter, which would give everything."""
    async with served(service, stack) as h:
        (tenant, *_) = await BUILD[service](h)
        asked = doors.described(h.asgi) - doors.signed(service) - doors.open_to_all(service)
        async with nothing_changes(h, evidence, proving="T3.query", without={"number_blocks"}) as trial:
            for operation in sorted(asked):
                role = sorted(doors.roles_of(service)[operation])[0]
                known = _in_query(h, operation)
                wishes = sorted({*WISHES, *_COLUMNS[service], *(name.title() for name in known), ""} - known)
                for start in range(0, len(wishes), MOST_ERRORS):
                    some = wishes[start : start + MOST_ERRORS]
                    request = _plain(EXAMPLES[service][operation]).request(operation, tenant.values)
                    request["headers"] |= _headers(h, tenant, role)
                    request["params"] = request.get("params", {}) | dict.fromkeys(some, "x")
                    answer = await h.client.request(**request)
                    named = {one["field"] for one in answer.json().get("errors", ())}
                    fine = answer.status_code == 422 and named == {f"query.{wish}" for wish in some}
                    trial.take(
                        [] if fine else [odd(operation, f"{some[0]}…", 422, answer.status_code)], tries=len(some)
                    )


def _in_query(h: Harness, operation: str) -> set[str]:
    """The parameters that OpenAPI tells of."""
    method, _, path = operation.partition(" ")
    told = h.asgi.openapi()["paths"][path][method.lower()].get("parameters", ())
    return {one["name"] for one in told if one["in"] == "query"}


@pytest.mark.cell("threat.T3", fault="T3", service="payments")
async def test_what_a_bank_adds_to_a_payment_is_ignored_as_the_standard_says(stack: Stack, evidence: Evidence) -> None:
    """SNAP ignores unknown fields (snap.md section 6): none of them sets anything or comes back."""
    async with served("payments", stack) as h:
        bank, wrong = await Bank(h).enable(), list[Violation]()
        wishes = dict.fromkeys(_COLUMNS["payments"], "SURPRISE")
        for _ in range(3):
            who = await register(h)
            body = wishes | bank.payment(who.code, 36_800, f"P-{who.code}")
            answer = await bank.send("payment", body)
            if code(answer) != "2002500" or "SURPRISE" in answer.text:
                wrong.append({"where": "payment", "key": "2002500", "expected": "ignored", "actual": code(answer)})
        async with h.app.read() as conn:
            for table in payments.metadata.tables:
                rows = (await conn.exec_driver_sql(f"SELECT t::text FROM {table} t")).scalars().all()
                if any("SURPRISE" in row for row in rows):
                    wrong.append({"where": table, "key": "", "expected": "not stored", "actual": "stored"})
    evidence.fired(3, of=3, unit="request")
    evidence.holds("T3.snap", checked=3 * len(wishes), violations=wrong)


# --- reading --------------------------------------------------------------------------------------------------------


def _things(answer: Any) -> list[Mapping[str, Any]]:
    """The things that an answer shows: its items, or itself."""
    if isinstance(answer, list):
        return answer
    for name in ("items", "notifications", "transfers", "cases", "proposals", "orders", "refunds"):
        if name in answer:
            return list(answer[name])
    return [answer]


@pytest.mark.cell("threat.T3", fault="T3", service="all")
@EVERY
async def test_every_role_is_shown_the_declared_fields_and_no_other(
    service: str, stack: Stack, evidence: Evidence
) -> None:
    async with served(service, stack) as h:
        (tenant, *_) = await BUILD[service](h)
        if service == "payments":
            await _all_known(h)
        asked, wrong = 0, list[Violation]()
        reads = {o for o in EXAMPLES[service] if o.startswith("GET")} - _NEITHER
        assert reads <= SHOWN[service].keys(), "declare what each role is shown"
        for operation, roles in SHOWN[service].items():
            assert roles.keys() == doors.roles_of(service)[operation], operation
            for role, shown in roles.items():
                request = _plain(EXAMPLES[service][operation]).request(operation, tenant.values)
                request["headers"] |= _headers(h, tenant, role)
                answer = await h.client.request(**request)
                asked += 1
                told = _things(answer.json()) if answer.status_code == 200 else []
                if not told:
                    wrong.append(
                        {"where": operation, "key": role, "expected": "an answer", "actual": str(answer.status_code)}
                    )
                for thing in told:
                    if thing.keys() != shown:
                        others = ", ".join(sorted(thing.keys() ^ shown))
                        wrong.append(odd(operation, role, "the declared fields", others))
                        break
                if role not in _SEES_NIK and tenant.values.get("nik", "nothing") in json.dumps(told):
                    wrong.append({"where": operation, "key": role, "expected": "no NIK", "actual": "a NIK"})
        evidence.fired(asked, of=asked, unit="request")
        evidence.holds("T3.read", checked=asked, violations=wrong)


def _plain(every: Any) -> Example:
    """The example that asks for a whole page."""
    return next((e for e in every if not any(s.open for s in e.slots()) and not e.headers), every[0])  # type: ignore[no-any-return]


async def _all_known(h: Harness) -> None:
    """The central office and its like are asked about somebody too."""
    assert (await h.client.get("/partners", headers=h.token(roles=["central"]))).status_code == 200
    request = EXAMPLES["payments"]["POST /parameters/{kind}/proposals"][0].request(
        "POST /parameters/prepay_months/proposals", {}
    )
    request["headers"] |= h.token(roles=["central"])
    assert (await h.client.request(**request)).status_code == 201
