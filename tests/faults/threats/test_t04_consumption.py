"""T4: nobody gets more of the machine than his share: bodies, depth, pages, files, time and places in the queue are limited."""

from __future__ import annotations

import asyncio
import io
import resource
import time
import zipfile
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from chassis.http.app import create_app
from chassis.http.limits import Limits
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.inputs.refusals import odd
from tests.faults.threats import served as doors
from tests.faults.threats.examples import EXAMPLES
from tests.faults.threats.rows import changes, picture
from tests.faults.threats.served import served
from tests.faults.threats.test_t05_roles import everywhere, values
from tests.faults.trial import nothing_changes, unchanged
from tests.integration.payments.bank import Bank, code
from tests.integration.registration.files import row, upload
from tests.integration.registration.world import World
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.unit.deploy.serving import served as listening
from tests.unit.registration.tables import HEADER, cells, xlsx_bytes

pytestmark = pytest.mark.timeout(300)
EVERY = pytest.mark.parametrize("service", ["registration", "payments", "notifications"])
LIMIT = 64 * 1024
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CAP_MIB = 96
"""What a process may grow by while it refuses a file."""


def _writes(service: str) -> Iterator[tuple[str, str, str, bool]]:
    """(method, path, a role that may, SNAP) of every operation that reads a body of JSON."""
    table = doors.roles_of(service)
    for operation, every in EXAMPLES[service].items():
        if every[0].json is not None:
            made = every[0].request(operation, values())
            yield made["method"], made["url"], sorted(table[operation])[0], False
    for operation in doors.signed(service):
        if "{" not in operation:
            method, _, path = operation.partition(" ")
            yield method, path, "agent", path.startswith("/snap/")


async def _in_parts(raw: bytes) -> AsyncIterator[bytes]:
    """Without a length that was announced."""
    for start in range(0, len(raw), 8_192):
        yield raw[start : start + 8_192]


@pytest.mark.cell("threat.T4", fault="T4", service="all")
@EVERY
async def test_bodies_too_large_or_too_deep_are_refused_at_every_door(
    service: str, stack: Stack, evidence: Evidence
) -> None:
    """Announced or in parts; deep in objects, in lists, and inside a member that nobody knows."""
    bodies: list[tuple[str, bytes, int]] = [
        ("too large", b"", 413),
        ("deep lists", b"[" * 30_000 + b"]" * 30_000, 400),
        ("deep objects", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400),
        ("just too deep", b'{"a":' * 18 + b"1" + b"}" * 18, 400),
    ]
    async with served(service, stack) as h:
        before, wrong, tried = await picture(h), list[Violation](), 0
        for method, path, role, snap in _writes(service):
            most = doors.OWN_LIMITS.get(f"{method} {path}", LIMIT)
            large = b'{"a": "' + b"x" * most + b'"}'
            for kind, content, status in bodies:
                raw = content or large
                for parts in (False, True):
                    headers = {**h.token(roles=[role], **everywhere()), "Content-Type": "application/json"}
                    sent = _in_parts(raw) if parts else raw
                    answer = await h.client.request(method, path, content=sent, headers=headers)
                    tried += 1
                    fine = {400, 401} if snap or path in ("/gateway/receipts", "/internal/person-keys") else {status}
                    if path in ("/ops/clock", "/gateway/receipts", "/internal/person-keys"):
                        fine |= {413, 422}  # bound by the framework, or the signature is asked for first
                    if answer.status_code not in fine:
                        wrong.append(odd(path, kind, sorted(fine), answer.status_code))
        evidence.fired(tried, of=tried, unit="request")
        evidence.holds("T4.bodies", checked=tried, violations=wrong)
        evidence.holds("T4.unchanged", checked=max(1, before.rows), violations=changes(before, await picture(h)))


@pytest.mark.cell("threat.T4", fault="T4", service="all")
@EVERY
async def test_a_page_has_a_longest_length(service: str, stack: Stack, evidence: Evidence) -> None:
    """Every query parameter that counts things declares its limits, and they hold."""
    async with served(service, stack) as h:
        wrong, tried = list[Violation](), 0
        for operation, name, schema in _counting(h.asgi):
            low, high = schema.get("minimum"), schema.get("maximum") or schema.get("exclusiveMaximum")
            if low is None or high is None:
                wrong.append(odd(operation, name, "a minimum and a maximum", schema))
                continue
            path = operation.removeprefix("GET ").format(**values(), account="suspense", month="2025-10")
            signed = operation in doors.signed(service)  # its proof is in the query, after its members were read
            role = "guest" if signed else sorted(doors.roles_of(service)[operation])[0]
            for value in (low - 1, high + 1, 10**9 * high, -(10**18), "NaN", "1e9", "0x10", ""):
                headers = h.token(roles=[role], **everywhere())
                answer = await h.client.get(path, params={name: value}, headers=headers)
                tried += 1
                if answer.status_code != 422:
                    wrong.append(odd(operation, f"{name}={value}", 422, answer.status_code))
        lists = await _asked_for_too_many(h) if service == "notifications" else []
    evidence.fired(tried, of=tried, unit="request") if tried else evidence.fired(1, of=1, unit="run")
    evidence.holds("T4.pages", checked=max(1, tried), violations=[*wrong, *lists])


def _counting(asgi: FastAPI) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in asgi.openapi()["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query" and parameter["schema"].get("type") in ("integer", "number"):
                    yield f"{method.upper()} {path}", parameter["name"], parameter["schema"]


async def _asked_for_too_many(h: Harness) -> list[Violation]:
    headers = h.token(roles=["officer"], **everywhere())
    many = {"participant_ids": [values()["participant_id"]] * 1_001}
    answer = await h.client.post("/notifications/counts", json=many, headers=headers)
    return [] if answer.status_code == 422 else [odd("/notifications/counts", "1,001 ids", 422, answer.status_code)]


# --- files ----------------------------------------------------------------------------------------------------------


def _archive(parts: Mapping[str, bytes], types: bytes = b"") -> bytes:
    """A good workbook with parts replaced or added; `types`: further lines of its list of parts."""
    made = io.BytesIO()
    good = zipfile.ZipFile(io.BytesIO(xlsx_bytes(list(cells()), header=HEADER)))
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in good.namelist():
            if name not in parts:
                content = good.read(name)
                new.writestr(
                    name, content.replace(b"</Types>", types + b"</Types>") if name.startswith("[") else content
                )
        for name, content in parts.items():
            new.writestr(name, content)
    return made.getvalue()


def _sheet(inside: bytes) -> bytes:
    main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    whole = b'<worksheet xmlns="' + main + b'"><sheetData>' + inside + b"</sheetData></worksheet>"
    return _archive({"xl/worksheets/sheet1.xml": whole})


def _lying() -> bytes:
    """The directory declares a small sheet; a large one is inside."""
    content = bytearray(_archive({"xl/worksheets/sheet1.xml": b"<worksheet>" + b"<row/>" * 5_000_000}))
    at = content.rfind(b"PK\x01\x02", 0, content.rfind(b"xl/worksheets/sheet1.xml"))
    content[at + 24 : at + 28] = (1_000).to_bytes(4, "little")
    return bytes(content)


def _bombs() -> dict[str, bytes]:
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    texts = b'<Override PartName="/xl/sharedStrings.xml" ContentType="' + kind + b'"/>'
    entities = (
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><worksheet>&b;</worksheet>'
    )
    return {
        "six hundred megabytes": _archive({f"xl/worksheets/x{n}.xml": bytes(100_000_000) for n in range(6)}),
        "styles": _archive({"xl/styles.xml": b'<xf numFmtId="0"/>' * 2_000_000}),
        "shared texts": _archive({"xl/sharedStrings.xml": b"<sst>" + b"<si><t/></si>" * 4_000_000 + b"</sst>"}, texts),
        "sheets in the workbook": _archive({"xl/workbook.xml": b'<sheet name="a"/>' * 2_000_000}),
        "a wide row": _sheet(b"<row>" + b"<c/>" * 3_000_000 + b"</row>"),
        "blank rows": _sheet(b"<row/>" * 3_000_000),
        "no rows": _sheet(b"<c/>" * 3_000_000),
        "between rows": _sheet((b"<row/>" + b"<c/>" * 1_000) * 3_000),
        "a long text": _sheet(b"<row><c><v>" + b"9" * 60_000_000 + b"</v></c></row>"),
        "a long tag": _sheet(b'<row><c r="' + b"A" * 60_000_000 + b'"/></row>'),
        "many parts": _archive({f"x{n}": b"" for n in range(5_000)}),
        "entities": _archive({"xl/worksheets/sheet1.xml": entities}),
        "a lying directory": _lying(),
        "an archive in an archive": _archive({"xl/worksheets/sheet1.xml": _archive({"a": bytes(10_000_000)})}),
    }


@pytest.mark.cell("threat.T4", fault="T4", service="registration")
async def test_a_file_that_unpacks_to_more_than_it_is_costs_next_to_nothing(stack: Stack, evidence: Evidence) -> None:
    """Refused with its reason, in seconds, within the memory of a file that is what it seems; the service goes on answering."""
    bombs = _bombs()
    async with served("registration", stack) as h:
        world = await World.opened(h)
        async with nothing_changes(h, evidence, proving="T4.files") as trial:
            for kind, content in bombs.items():
                grown, spent = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
                answer = await upload(world, content, media_type=XLSX_TYPE)
                spent, grown = time.process_time() - spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown
                code = answer.json()["code"]
                fine = answer.status_code in (413, 422) and code.startswith(("file_", "too_", "column_"))
                told = f"{answer.status_code} {code}"
                trial.take([] if fine else [odd(kind, "answer", "422 file_…", told)])
                if spent > 5 or grown > CAP_MIB * 1024:
                    used = f"{spent:.1f} s, {grown // 1024} MiB"
                    trial.wrong.append(odd(kind, "cost", f"5 s, {CAP_MIB} MiB", used))


@pytest.mark.cell("threat.T4", fault="T4", service="registration")
async def test_files_over_their_limits_are_refused_as_a_whole(stack: Stack, evidence: Evidence) -> None:
    async with served("registration", stack, import_max_rows=50, import_max_bytes=100_000) as h:
        world, wrong = await World.opened(h), list[Violation]()
        lines = [",".join(row()), *(",".join(row().values()) for _ in range(51))]
        for kind, content, status, code in (
            ("rows", "\n".join(lines).encode(), 422, "too_many_rows"),
            ("bytes", b"x" * 100_001, 413, "too_large"),
            ("blank rows", (lines[0] + "\n" + "," * 20 + "\n").encode() + b"\n" * 90_000, 422, "file_empty"),
            ("one cell", (lines[0] + "\n" + "x" * 90_000).encode(), 202, None),
        ):
            answer = await upload(world, content)
            if (answer.status_code, answer.json().get("code")) != (status, code):
                wrong.append(odd(kind, "", f"{status} {code}", f"{answer.status_code} {answer.json().get('code')}"))
    evidence.fired(4, of=4, unit="request")
    evidence.holds("T4.files", checked=4, violations=wrong)


# --- time and places --------------------------------------------------------------------------------------------------


def _limited(h: Harness, limits: Limits) -> FastAPI:
    """The service behind tighter limits, so that a test need not wait as long as a caller may."""
    parts = h.app.composition
    return create_app(
        h.service.name,
        routers=parts.routers,
        verifier=h.asgi.state.verifier,
        checks={},
        limits=limits,
        edges=parts.edges,
    )


async def _trickle(url: str, path: str, headers: Mapping[str, str]) -> bytes:
    """Announces a body and sends one byte of it; what the server says, and that it then hangs up."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"POST {path} HTTP/1.1", "Host: x", "Content-Length: 1000", *(f"{n}: {v}" for n, v in headers.items())]
    writer.write(("\r\n".join(lines) + "\r\n\r\n{").encode())
    try:
        return await asyncio.wait_for(reader.read(), 30)
    finally:
        writer.close()


@pytest.mark.cell("threat.T4", fault="T4", service="all")
async def test_bodies_that_trickle_in_hold_up_nobody_for_long(stack: Stack, evidence: Evidence, scale: Scale) -> None:
    number = scale(test=60, long=500)
    async with served("payments", stack) as h:
        headers = {**h.token(roles=["agent"], **everywhere()), "Content-Type": "application/json"}
        limits = Limits(body_timeout_s=1, max_concurrent=number * 2 + 10)
        async with listening(_limited(h, limits)) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
            paths = ["/bills", "/snap/v1.0/transfer-va/payment"]
            started = time.monotonic()
            slow = asyncio.gather(*(_trickle(url, paths[n % 2], headers) for n in range(number)))
            totals = await client.get("/contributions/totals", headers=h.token(roles=["central"]))
            meanwhile = time.monotonic() - started
            told = [answer.split(b"\r\n", 1)[0] for answer in await slow]
            whole = time.monotonic() - started
    refusals = {b"HTTP/1.1 408 Request Timeout", b"HTTP/1.1 400 Bad Request"}
    wrong = [odd("trickle", str(n), "408", line.decode()) for n, line in enumerate(told) if line not in refusals]
    if totals.status_code != 200 or meanwhile > 10 or whole > 20:
        wrong.append(odd("others", "", "200 at once", f"{totals.status_code} after {meanwhile:.1f} of {whole:.1f} s"))
    evidence.fired(number, of=number, unit="request")
    evidence.holds("T4.time", checked=number + 1, violations=wrong)


@pytest.mark.cell("threat.T4", fault="T4", service="all")
async def test_more_than_can_be_worked_on_are_told_to_come_back(stack: Stack, evidence: Evidence, scale: Scale) -> None:
    """A thousand connections at one moment: each is answered, none with a fault of ours, and probes always."""
    number, places = scale(test=1_000, long=5_000), 8
    async with served("payments", stack) as h:
        async with listening(_limited(h, Limits(max_concurrent=places))) as url:
            async with httpx.AsyncClient(base_url=url, timeout=60) as client:
                headers = h.token(roles=["central"])
                asked = [_knock(url, *_CALLS[n % 2], headers) for n in range(number)]
                *answers, live = await asyncio.gather(*asked, _knock(url, "GET", "/health/live", {}))
                after = await client.get("/contributions/totals", headers=headers)
    wrong = [odd(where, "", "200, 400, 429 or 503", f"{line}") for where, line, _ in answers if _unfit(where, line, _)]
    turned = sum(" 429 " in line for _, line, _ in answers)
    if " 200 " not in live[1] or after.status_code != 200 or not turned:
        wrong.append(odd("probe, later", "", "200, 200, some 429", f"{live[1]}, {after.status_code}, {turned}"))
    evidence.fired(len(answers), of=number, unit="request")
    evidence.count(connections_at_once=number, told_to_come_back=turned)
    evidence.holds("T4.queue", checked=len(answers) + 2, violations=wrong)


@pytest.mark.cell("threat.T4", fault="T4", service="payments")
async def test_a_caller_above_its_rate_waits_and_nobody_else_does(stack: Stack, evidence: Evidence) -> None:
    """One token's subject, and one bank: what is above the rate is 429 and books nothing; the others are served."""
    per_s, calls = 1, 40
    async with served("payments", stack, http_max_per_caller_s=per_s, snap_max_per_partner_s=per_s) as h:
        bank, other = await Bank(h).enable(), await _other_bank(h).enable()
        wrong = list[Violation]()
        async with unchanged(h, wrong, without=("external_ids",)):
            people = [
                await h.client.get("/contributions/totals", headers=_central(h, "central-7")) for _ in range(calls)
            ]
            banks = [await bank.inquire("8899999999999") for _ in range(calls)]
            neighbours = await h.client.get("/contributions/totals", headers=_central(h, "central-8"))
            their_bank = code(await other.inquire("8899999999999"))
        for what, answers, refusal in (("people", people, None), ("banks", banks, "4292400")):
            turned = [answer for answer in answers if answer.status_code == 429]
            unfit = [a for a in turned if (code(a) != refusal if refusal else "retry-after" not in a.headers)]
            if not (0 < calls - len(turned) < calls / 2) or unfit:
                wrong.append(
                    odd(what, f"{calls} at once", "some served, the rest 429", f"{len(turned)}, {len(unfit)} unfit")
                )
        if neighbours.status_code != 200 or their_bank != "4042412":
            wrong.append(odd("neighbours", "", "200, 4042412", f"{neighbours.status_code}, {their_bank}"))
    evidence.fired(2 * calls, of=2 * calls, unit="request")
    evidence.holds("T4.rate", checked=2 * calls + 2, violations=wrong)


def _other_bank(h: Harness) -> Bank:
    return Bank(h, partner="bank-b", prefix="8200", client_key="client-b", partner_id="82001")


def _central(h: Harness, subject: str) -> dict[str, str]:
    return h.token(roles=["central"], subject=subject)


_CALLS = (("GET", "/contributions/totals"), ("POST", "/snap/v1.0/transfer-va/inquiry"))


async def _knock(url: str, method: str, path: str, headers: Mapping[str, str]) -> tuple[str, str, str]:
    """One call on a connection of its own: path, status line, and the whole answer."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", "Content-Length: 0"]
    writer.write(("\r\n".join([*lines, *(f"{n}: {v}" for n, v in headers.items())]) + "\r\n\r\n").encode())
    try:
        told = (await asyncio.wait_for(reader.read(), 60)).decode()
        return path, told.partition("\r\n")[0], told
    finally:
        writer.close()


def _unfit(path: str, line: str, told: str) -> bool:
    """A place that is taken and a database that is busy both say when to come back; a bank is told so in its own words."""
    if " 429 " in line and path.startswith("/snap/"):
        return '"responseCode": "4292400"' not in told
    if " 429 " in line or " 503 " in line:
        return "retry-after:" not in told.lower()
    return " 200 " not in line and " 400 " not in line
