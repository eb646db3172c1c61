"""`tegata audit`: list what happened, and verify that it was not rewritten."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import hubwork
from cli.accounts import AsJson, shown_progress
from cli.console import as_json, counted, say, warn
from models.kinds import EventKind

if TYPE_CHECKING:
    from hub.audit import Told, Verdict
    from hub.hub import Hub

app = typer.Typer(no_args_is_help=True, help="List what happened, and verify that it was not rewritten.")


@app.command()
def verify(json: AsJson = False) -> None:
    """Look through the whole audit for what was changed, dropped or added; exit code 1 when something was."""

    async def work(hub: "Hub") -> "Verdict":
        from hub import audit
        from models.event import Event

        with shown_progress("looking", await Event.all().count()) as advance:
            return await audit.verify(hub.keys, advance)

    verdict = hubwork.in_hub(work)
    if json:
        as_json(verdict)
    else:
        for finding in verdict.findings:
            where = f"segment {finding.segment}" if finding.segment else "not sealed yet"
            warn(f"{where}{f', event {finding.event}' if finding.event else ''}: {finding.what}.")
        if verdict.more:
            warn(f"There are {verdict.more} more.")
        say(f"{counted(verdict.events, 'event')}, {counted(verdict.segments, 'sealed segment')}.")
        if verdict.last_seal:
            say(f"The last seal is {verdict.last_seal}; keep it elsewhere.")
    if verdict.findings:
        if not json:
            warn(f"The audit is not as it was written: {counted(len(verdict.findings) + verdict.more, 'finding')}.")
        raise typer.Exit(hubwork.REFUSED)


@app.command("list")
def list_events(
    account: Annotated[str, typer.Option(help="Of this account only.")] = "",
    kind: Annotated[EventKind | None, typer.Option(help="Of this kind only.", show_choices=True)] = None,
    limit: Annotated[int, typer.Option(min=1, max=100000, help="At most so many, the newest.")] = 50,
    json: AsJson = False,
) -> None:
    """List the newest events, the oldest of them first."""

    async def work(_hub: "Hub") -> "list[Told]":
        from hub import accounts, audit

        number = (await accounts.find(account)).id if account else None
        return await audit.listed(account_id=number, kind=kind, limit=limit)

    events = hubwork.in_hub(work)
    if json:
        as_json(events)
        return
    if not events:
        say("Nothing has happened yet.")
    for event in events:
        detail = " ".join(f"{name}={value}" for name, value in event.detail.items())
        who = f"{event.account or '-'}  {event.address}"
        say(f"{event.at:%Y-%m-%d %H:%M:%S}  {event.kind:<18}  {who}  {detail}".rstrip())
