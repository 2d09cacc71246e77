"""`perisai payments check-signature` and `conformance`: for a bank's team, on any machine; they need no database and no settings of ours."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

import httpx
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from chassis.clock import SystemClock
from services.payments.domain.snap.signing import UnfitKey, public_key
from services.payments.kit.credentials import Credentials
from services.payments.kit.diagnosis import Call, Finding, first_difference, of_key, of_secret
from services.payments.kit.exchanges import CASES
from services.payments.kit.play import FAILED, PASSED, SKIPPED, Result, play
from services.payments.kit.stage import Stage

AsJson = Annotated[bool, typer.Option("--json", help="for machines")]
COMMANDS = ("check-signature", "conformance")
"""They run without the settings of the service."""
SECRET = "PERISAI_CHECK_SECRET"  # noqa: S105  (the name of a variable)
TIMEOUT_S = 15


def extend(commands: typer.Typer) -> None:
    """Adds the kit's commands."""
    commands.command("check-signature")(check_signature)
    commands.command("conformance")(conformance)


def check_signature(
    path: Annotated[str, typer.Option(help="the path as called, with prefix and query string")],
    header: Annotated[
        list[str] | None, typer.Option(help="'Name: value' as sent, any number of times; or see --headers")
    ] = None,
    headers: Annotated[Path | None, typer.Option(help="a file of header lines")] = None,
    body: Annotated[
        str, typer.Option(help="a file with the very bytes of the body; - for standard input; none: no body")
    ] = "",
    method: str = "POST",
    secret_file: Annotated[Path | None, typer.Option(help=f"holds the client secret; else {SECRET} is taken")] = None,
    public_key_file: Annotated[
        Path | None, typer.Option("--public-key", help="PEM: for a token request, or a call in the asymmetric mode")
    ] = None,
    string_to_sign: Annotated[Path | None, typer.Option(help="a file with the string that you signed")] = None,
    signed_timestamp: Annotated[
        list[str] | None, typer.Option(help="a time that you may have signed instead of the X-TIMESTAMP you sent")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Says whether a signature is right and, if not, what was done otherwise. Exit code 0: right, 1: wrong, 2: cannot be told."""
    found = _headers(header or [], headers)
    raw = sys.stdin.buffer.read() if body == "-" else _bytes(body)
    call = replace(
        _call(method, path, found, raw, public_key_file is not None), other_times=tuple(signed_timestamp or ())
    )
    finding = _judged(call, found.get("x-signature", ""), secret_file, public_key_file)
    parting = first_difference(finding.text, _text(string_to_sign)) if string_to_sign else ""
    if as_json:
        print(json.dumps(finding.as_json() | ({"difference": parting} if string_to_sign else {})))
    else:
        print("\n".join(_told(finding, parting)))
    raise typer.Exit(0 if finding.verifies else 1)


def conformance(
    credentials: Annotated[Path, typer.Option(help="what `perisai payments sandbox` wrote, or the same of your own")],
    base_url: Annotated[
        str, typer.Option(help="of the biller, without /snap; by default that of the credentials")
    ] = "",
    only: Annotated[str, typer.Option(help="cases whose name contains this")] = "",
    as_json: AsJson = False,
) -> None:
    """Plays every exchange of the published rules against a sandbox. Exit code 0 when none fails. It pays numbers of the sandbox."""
    try:
        known = Credentials.model_validate_json(_bytes(str(credentials)))
    except ValidationError as error:
        _cannot(f"{credentials}: {error.errors(include_input=False)[0]['msg']} at {error.errors()[0]['loc']}")
    results = asyncio.run(_results(known, base_url or known.base_url, only))
    counts = {outcome: sum(one.outcome == outcome for one in results) for outcome in (PASSED, FAILED, SKIPPED)}
    if as_json:
        print(json.dumps({**counts, "hints": [*_hints(counts)], "exchanges": [one.as_json() for one in results]}))
    else:
        _show(results)
        print(" · ".join(f"{count} {outcome}" for outcome, count in counts.items()))
        print("\n".join(_hints(counts)))
    raise typer.Exit(1 if counts[FAILED] or not counts[PASSED] else 0)


async def _results(credentials: Credentials, base_url: str, only: str) -> list[Result]:
    cases = [case for case in CASES if only in case.name]
    parts = urlsplit(base_url)
    async with httpx.AsyncClient(
        base_url=f"{parts.scheme}://{parts.netloc}", timeout=TIMEOUT_S, trust_env=False
    ) as client:
        stage = Stage(client, credentials, SystemClock().wall, prefix=parts.path.rstrip("/") + "/snap")
        return [result async for result in play(stage, cases)]


def _hints(counts: Mapping[str, int]) -> Iterator[str]:
    """What to look at before the exchanges."""
    if counts[FAILED]:
        yield (
            "A run pays the numbers of its credentials. Were they used by a run before? Then 4042414 (paid already) says no more than that:"
            " make new ones with `perisai payments sandbox`, and run again."
        )
    if counts[SKIPPED]:
        yield (
            "What is skipped needs numbers that these credentials do not name, or an exchange before it that failed: each says which, and why"
            " the sandbox has none (docs/biller.md, What the sandbox does not play)."
        )


def _show(results: Sequence[Result]) -> None:
    table = Table("case", "exchange", "expected", "answered", "", title="Conformance")
    for one in results:
        table.add_row(one.case, one.name if one.name != one.case else "", one.expected, one.answered, _said(one))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _said(one: Result) -> str:
    return one.outcome if one.outcome == PASSED else f"{one.outcome}: {'; '.join(one.why)}"


def _told(finding: Finding, parting: str) -> list[str]:
    lines = ["The signature is right." if finding.verifies else "The signature is not right."]
    if finding.mistakes:
        lines += ["It is explained by this:", *(f"  - {one}" for one in finding.mistakes)]
    elif not finding.verifies and finding.key_fits is False:
        lines.append("It was not made with the private key of this public key.")
    elif not finding.verifies and finding.key_fits:
        lines.append("This key made it, over another text than the ones that were tried.")
        lines.append("Try --signed-timestamp, or --string-to-sign, which says where your string parts from ours.")
    elif not finding.verifies:
        lines.append("No usual mistake explains it: probably another secret, another token, or another body.")
        lines.append(
            "It was signed at no moment within two hours of the X-TIMESTAMP that was sent; was it another? Try --signed-timestamp,"
            " or --string-to-sign, which says where your string parts from ours."
        )
    lines += ["String to sign, as we build it:", f"  {finding.text}"]
    if finding.expected and not finding.verifies:
        lines.append(f"Signature that this secret makes of it:\n  {finding.expected}")
    return [*lines, *([f"Your string: {parting}."] if parting else [])]


def _judged(call: Call, signature: str, secret_file: Path | None, public_key_file: Path | None) -> Finding:
    if public_key_file is not None:
        try:
            return of_key(call, signature, public_key(_text(public_key_file)))
        except UnfitKey as error:
            _cannot(f"{public_key_file}: {error}")
    secret = _text(secret_file).rstrip("\r\n") if secret_file else os.environ.get(SECRET, "")
    if not secret:
        _cannot(f"give --secret-file, {SECRET} or --public-key")
    return of_secret(call, signature, secret)


def _call(method: str, path: str, headers: dict[str, str], body: bytes, with_key: bool) -> Call:
    if "x-signature" not in headers or "x-timestamp" not in headers:
        _cannot("the headers must hold X-SIGNATURE and X-TIMESTAMP")
    if not headers["x-signature"]:
        _cannot("X-SIGNATURE is blank: nothing was signed, or the header was sent before the signature was made")
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if not with_key and not token:
        # what stands there without a word before it is the token itself, and is shown to nobody
        _cannot(f"the headers must hold Authorization: Bearer …{', with that word before the token' if scheme else ''}")
    return Call(
        method=method,
        path=path,
        timestamp=headers["x-timestamp"],
        body=body,
        token=None if with_key else token.strip(),
        client_key=headers.get("x-client-key") if with_key and "access-token" in path else None,
    )


def _headers(lines: Sequence[str], file: Path | None) -> dict[str, str]:
    every = [*lines, *(_text(file).splitlines() if file else ())]
    pairs = (line.partition(":") for line in every if line.strip())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _text(path: Path) -> str:
    return _bytes(str(path)).decode("utf-8", "replace")


def _bytes(path: str) -> bytes:
    if not path:
        return b""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        _cannot(f"{path}: {error.strerror}")


def _cannot(why: str) -> NoReturn:
    print(why, file=sys.stderr)
    raise typer.Exit(2)
