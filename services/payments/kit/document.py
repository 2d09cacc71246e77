"""The published biller document, written from the tables that the code itself goes by: `docs/biller.md`, also at `/snap/docs`.

`python -m services.payments.kit.document` checks the file; with `--write` it writes it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from contracts.events.contributions import Strictness
from contracts.events.partners import TimesAndLimits
from services.payments.api.snap import gate, notices, routes
from services.payments.domain.parameters.billing import MAX_BACKDATE_DAYS
from services.payments.domain.partners import LONGEST_OVERLAP, MOST_LIVE_KEYS
from services.payments.domain.snap.codes import Service
from services.payments.domain.snap.fields import MAX_BODY_BYTES, MAX_DEPTH, Field, form_of
from services.payments.domain.snap.notices import NOTICE
from services.payments.domain.snap.requests import RULES
from services.payments.domain.snap.sent import SENT
from services.payments.domain.snap.signing import MIN_KEY_BITS
from services.payments.domain.snap.strict import VERSIONS
from services.payments.kit.exchanges import CASES
from services.payments.kit.lacking import LACKS
from services.payments.settings import Settings

FILE = Path(__file__).parents[3] / "docs" / "biller.md"
NAMES = {
    Service.TOKEN: "token",
    Service.INQUIRY: "inquiry",
    Service.PAYMENT: "payment",
    Service.STATUS: "status",
    Service.QR_NOTICE: "notice",
}
OPERATIONS = {**routes.OPERATIONS, notices.OPERATION: Service.QR_NOTICE}
FIELDS = {**RULES, Service.QR_NOTICE: NOTICE}

_HEAD = """# Biller document: SNAP virtual accounts and QRIS notices

For the integration team of a bank or of a QRIS acquirer. This page is written by `python -m services.payments.kit.document --write` from the
tables that the service itself goes by, and is served at `/snap/docs`. The standard is SNAP (Bank Indonesia; specification kept by ASPI); only
what it leaves open is decided here. You call us: for a bank we host token, inquiry, payment and status, for an acquirer token and notice.

**To start:** `perisai payments sandbox` gives test partners, keys and numbers in a running local stack. `perisai payments conformance` plays the
exchanges of this page against it. `perisai payments check-signature` says whether a signature is right and, if not, what was done otherwise.
"""

_SIGNATURES = """## Signatures
| call | string to sign | made with |
|---|---|---|
| token | `X-CLIENT-KEY\\|X-TIMESTAMP` | SHA256withRSA, your private key |
| service, symmetric (the usual one) | `METHOD:path:accessToken:sha256(body):X-TIMESTAMP` | HMAC-SHA512, the client secret |
| service, asymmetric (by agreement, no token) | `METHOD:path:sha256(body):X-TIMESTAMP` | SHA256withRSA, your private key |

- `X-SIGNATURE` is base64 of the raw bytes, padded, in its one canonical spelling (hexadecimal by agreement only).
- `path` is the path as called, prefix and query string included; `sha256(body)` is lower-case hexadecimal.
- The body is hashed as it travels, or minified: without space, tab, CR and LF outside texts, and nothing else changed. Never parse and
  write it anew. No body is the empty text: `e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`.
"""

_RULES = """## Rules that decide
- **`partnerServiceId`** is your prefix, padded on the left to 8 characters or not; it is echoed as it came. `virtualAccountNo` is
  `partnerServiceId` + `customerNo`; blanks on its left do not matter.
- **Kinds.** A contribution code is `C` (closed) at what is owed now, and payable again when the next month opens;
  while a participation runs, no inquiry has to come first. A number drawn for one bill is `C`, once: paid it is 404xx14, past its end 404xx19,
  cancelled or replaced 404xx12. The contribution code stays payable beside it; who pays the bill at one of the two is told at the
  other that it is paid. A code of a collective bill is `C`, once. A code for an agent's deposits is `O` (open): its inquiry shows `0.00`,
  any sum is taken.
- **Amounts** are texts in IDR without sen: `"16800.00"`, `"16800.0"` or `"16800"`; we always write two decimals. Paid in full or not at all.
- **`trxDateTime`** is your transaction time and decides whether a bill was payable; without it ours does.
- **`paymentRequestId`** is one payment for ever, and equal to the `inquiryRequestId` that it follows. Again with `flagAdvise` `Y`: the first
  answer (2002500). Again without: 4042518 with the first result, which means paid. With another sum 4042513, with another number 4042512;
  nothing is posted. Where your files never showed the money and it was taken out of the books, the id is 4042512 with or without `Y`, and its
  status "01".
- **Advice of a payment that we never saw** is a first payment.
- **`X-EXTERNAL-ID`** is used once per partner and WIB day; refusals use it up, calls that were not proven do not. By agreement (profile BCA) the same
  content may come again and is answered as the first time.
- **No answer in time** is 5042500: repeat with `flagAdvise` `Y`, or ask status. There is no reversal.
- **Status** looks for `paymentRequestId`, then `inquiryRequestId`; without both it lists the payments of the number in `additionalInfo.transactions`.
- **Hours.** Where hours are agreed, inquiries outside them and new money whose `trxDateTime` is outside them are 403xx06. Repeats and
  status are answered at any hour.
- **Notices** (52) are accepted whatever they say of a code: the money has moved. "00" pays the bill of its code once, however often it is told.
  A code that is none of ours, another sum than the code's, or a second one to what is paid is taken too (2005200) and settled by people; without
  `amount` we ask you (51) before anything is booked. 01 to 03 wait, 05 and 06 end a code that nobody paid, and no later notice undoes a payment.
  `originalReferenceNo` is one payment for ever. Anything but 2005200, or no answer: send it again, under a new `X-EXTERNAL-ID`.
- Unknown fields are ignored; a field that is null or blank counts as missing. The official samples' `txnDateInit` and
  `20261122T101530+07:00` are understood.
"""

_CODES = """## Response codes
`xx` is the service that was called; the HTTP status is the first three digits. Errors carry `virtualAccountData` with the keys of the number
as far as they could be read, status "01" ("02" for 504) and the reason in both languages; a 401, a 405, an error of the token service and every
answer to a notice are bare.

"""
_AGREED = """## What can be agreed
Source networks are an allow-list: calls from elsewhere are 401xx00. Conditions hold from a day on and are not edited in force.

"""

_LACKS = """## What the sandbox does not play
Of the {every} exchanges of `perisai payments conformance` {skipped} are skipped with what `perisai payments sandbox` makes, each with this reason in
its line. Credentials that name such numbers play them too; our own tests do so with every build.

"""


@cache
def document() -> str:
    """The whole page, Markdown."""
    parts = [
        _HEAD,
        _services(),
        _headers(),
        _SIGNATURES,
        _fields(),
        _RULES,
        _codes(),
        _limits(),
        _agreement(),
        _lacks(),
    ]
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _services() -> str:
    rows = [
        (service.value, NAMES[service], f"`POST /snap/{VERSIONS[0]}/{path}`") for path, service in OPERATIONS.items()
    ]
    return (
        "## Services\n"
        + _table(("service", "name", "path"), rows)
        + f"\nVersions that can be agreed: {', '.join(VERSIONS)}.\n"
    )


def _headers() -> str:
    rows = []
    for name in dict.fromkeys((*gate.MANDATORY_FOR_TOKEN, "Authorization", *gate.MANDATORY)):
        token, call = name in gate.MANDATORY_FOR_TOKEN, name in gate.MANDATORY
        length = gate.LENGTHS.get(name)
        rule = gate.RULES[name] + (f", at most {length} characters" if length else "")
        rows.append((f"`{name}`", _mark(token), "C" if name == "Authorization" else _mark(call), rule))
    return "## Headers\nM mandatory, C conditional, – not used.\n\n" + _table(
        ("header", "token", "service call", "rule"), rows
    )


def _mark(mandatory: bool) -> str:
    return "M" if mandatory else "–"


def _fields() -> str:
    return "## Fields of a request\n" + "\n".join(_of(service, rules) for service, rules in FIELDS.items())


def _of(service: Service, rules: Sequence[Field]) -> str:
    return f"### {NAMES[service]} ({service.value})\n" + _table(("field", "", "form"), _rows(rules))


def _rows(rules: Iterable[Field], prefix: str = "") -> list[tuple[str, str, str]]:
    found = []
    for rule in rules:
        form, name = form_of(rule.check), prefix + rule.name
        also = f"; `{rule.other}` is understood too" if rule.other else ""
        found.append((f"`{name}`", "M" if rule.mandatory else "O", form.words + also))
        found += _rows(form.parts, f"{name}.")
    return found


def _codes() -> str:
    rows = [
        (
            f"{case.status}xx{case.number}",
            f"`{case.message.format('…')}`",
            ", ".join(NAMES.get(service, service) for service in services),
            when,
            f"{case.reason.english} / {case.reason.indonesia}",
        )
        for case, services, when in SENT
    ]
    return _CODES + _table(("code", "message", "services", "when", "reason"), rows)


def _limits() -> str:
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    rows = [
        ("life of a token", f"{defaults['token_life_s']} s"),
        ("X-TIMESTAMP may be off by", f"{defaults['timestamp_tolerance_s']} s"),
        ("an answer comes within", f"{defaults['answer_budget_s']:g} s"),
        ("calls a second of one partner", f"{defaults['snap_max_per_partner_s']:g}, above it 429xx00"),
        ("an inquiry is honoured after its bill's end for", f"{defaults['inquiry_validity_min']} min"),
        ("a payment may be dated back by", f"{MAX_BACKDATE_DAYS.defaults[-1].value.days} days"),
        ("a body", f"{MAX_BODY_BYTES // 1024} KB, {MAX_DEPTH} levels"),
        ("an RSA key", f"{MIN_KEY_BITS} bits or more"),
        ("live keys, live secrets", f"{MOST_LIVE_KEYS} of each; the old one for {LONGEST_OVERLAP.days} days at most"),
    ]
    return "## Limits\nOf a deployment that changed nothing.\n\n" + _table(("what", "limit"), rows)


def _agreement() -> str:
    strict = [(f"`{name}`", _default(field.default)) for name, field in Strictness.model_fields.items()]
    dated = [(f"`{name}`", _default(field.default)) for name, field in TimesAndLimits.model_fields.items()]
    return (
        _AGREED
        + _table(("strictness, at once", "unless agreed"), strict)
        + "\n"
        + _table(("condition, from a day on", "unless agreed"), dated)
    )


def _lacks() -> str:
    steps = {case.name: len(case.steps) for case in CASES}
    rows = [(lack.case, str(steps[lack.case]), f"`{kind}`", lack.why) for kind, lack in LACKS.items()]
    skipped, every = sum(steps[lack.case] for lack in LACKS.values()), sum(len(case.steps) for case in CASES)
    return _LACKS.format(skipped=skipped, every=every) + _table(("case", "exchanges", "kind", "why not"), rows)


def _default(value: object) -> str:
    return (
        "–"
        if value in ((), None, "", False)
        else f"`{', '.join(map(str, value)) if isinstance(value, tuple) else value}`"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """0 when the committed page is the one of today."""
    if "--write" in arguments:
        FILE.write_text(document(), encoding="utf-8")
        return 0
    current = FILE.exists() and FILE.read_text(encoding="utf-8") == document()
    if not current:
        print("docs/biller.md is not current; run python -m services.payments.kit.document --write", file=sys.stderr)
    return 0 if current else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
