"""`perisai settlement …`: a partner's daily files, over the doors of payments, with an operator's token."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.table import Table

from chassis.console import show_table, wib
from chassis.ids import new_id

AsJson = Annotated[bool, typer.Option("--json", help="for machines")]
Day = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="the partner's business day")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]
LOOK_EVERY_S = 0.5
UPLOAD_S = 300.0


def commands(address: Callable[[], str], token: Callable[[], str]) -> typer.Typer:
    """`address` and `token` of payments are asked for when a command runs."""
    app = typer.Typer(no_args_is_help=True, help="Settlement files of partners, and their cases.")

    def ask(method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token()}", **more.pop("headers", {})}
        if method == "POST":
            headers["Idempotency-Key"] = str(new_id())
        try:
            answer = httpx.request(method, address() + path, headers=headers, timeout=UPLOAD_S, trust_env=False, **more)
        except httpx.HTTPError as error:
            sys.exit(f"payments does not answer at {address()} ({type(error).__name__})")
        if answer.is_error:
            sys.exit(_refusal(answer))
        return answer

    @app.command()
    def layout(partner: str, file: File, valid_from: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])]) -> None:
        """Agree on how PARTNER's files are read: FILE holds the layout as JSON."""
        wanted = {"partner": partner, "valid_from": f"{valid_from:%Y-%m-%d}", "layout": json.loads(file.read_text())}
        ask("POST", "/settlements/layouts", json=wanted)
        print(f"files of {partner} are read so from {valid_from:%Y-%m-%d} on")

    @app.command()
    def upload(
        partner: str,
        day: Day,
        file: File,
        wait: Annotated[bool, typer.Option(help="until it is reconciled")] = True,
        as_json: AsJson = False,
    ) -> None:
        """Hand in PARTNER's file of DAY; the same bytes again change nothing. Exit code 1 when it stopped before its end."""
        path = f"/settlements/days/{partner}/{day:%Y-%m-%d}/files"
        answer = ask("POST", path, content=file.read_bytes(), headers={"Content-Type": "text/csv"})
        found = _file(answer.json()["file_id"])
        while wait and found["status"] == "WORKING":
            print(f"\r{found['lines_done']} of {found['lines']} lines", end="", file=sys.stderr, flush=True)
            time.sleep(LOOK_EVERY_S)
            found = _file(found["file_id"])
        _show(found, as_json=as_json)
        raise typer.Exit(1 if wait and found["status"] != "RECONCILED" else 0)

    @app.command()
    def show(file_id: str, as_json: AsJson = False) -> None:
        """How far a file is, and what its lines came to."""
        _show(_file(file_id), as_json=as_json)

    @app.command()
    def results(file_id: str) -> None:
        """One result per line, as CSV."""
        print(ask("GET", f"/settlements/files/{file_id}/lines", headers={"Accept": "text/csv"}).text, end="")

    @app.command()
    def cases(as_json: AsJson = False) -> None:
        """Open cases, the oldest first."""
        found = ask("GET", "/settlements/cases?limit=1000").json()["items"]
        if as_json:
            print(json.dumps(found))
            return
        table = Table("case", "kind", "partner", "day", "reference", "here", "there", "owner", "days")
        for case in found:
            sums = [f"{case[side]:,}" if case[side] is not None else "" for side in ("amount_here", "amount_there")]
            cells = (case["case_id"], case["kind"], case["partner"], case["day"], case["reference"] or "")
            table.add_row(*cells, *sums, case["owner"], str(case["age_days"]))
        show_table(table)

    def _file(file_id: str) -> dict[str, Any]:
        return dict(ask("GET", f"/settlements/files/{file_id}").json())

    return app


def _show(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found))
        return
    table = Table("outcome", "lines", "rupiah", "fees", title=f"{found['partner']} {found['day']}: {found['status']}")
    for one in found["outcomes"]:
        table.add_row(one["outcome"], *(f"{one[name]:,}" for name in ("lines", "amount", "fees")))
    show_table(table)
    if (why := found["hindrance"]) is not None:
        since = wib(datetime.fromisoformat(why["since"]))
        tried = f"{why['file_id']}: {why['reason']} since {since}, tried {why['attempts']} times"
        print(f"{tried}. {why['what_to_do']['en']}")


def _refusal(answer: httpx.Response) -> str:
    problem = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    told = problem.get("messages", {}).get("en", answer.reason_phrase)
    errors = "".join(f"\n  {one['field']}: {one['messages']['en']}" for one in problem.get("errors", ()))
    return f"payments refused: {answer.status_code} {problem.get('code', '')}: {told}{errors}"
