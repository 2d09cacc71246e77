"""`perisai audit …`: what an auditor asks, in a process of its own under audit's own role. One file per command."""

from __future__ import annotations

import typer

from services.audit.cli import cold, cross_check, key, prove, reads, replay, verify, what_if

app = typer.Typer(no_args_is_help=True, help="The archive, and the proof that nothing in it was changed.")
app.command("key")(key.show)
app.command("prove")(prove.make)
app.command("verify")(verify.run)
app.command("cross-check")(cross_check.run)
app.command("replay")(replay.run)
app.command("what-if")(what_if.ask)
app.command("reads")(reads.tell)
app.add_typer(cold.app, name="cold")
