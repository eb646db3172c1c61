"""`tegata audit`: list what happened, seal it, and verify that it was not rewritten."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli import runtime
from cli.commands.account import AsJson, shown_progress
from cli.console import as_json, counted, say, warn
from models.kinds import EventKind

if TYPE_CHECKING:
    from hub.context import Hub
    from hub.security.audit import Finding, Newest, Told, Verdict

_SEAL = re.compile("[0-9a-f]{64}")
app = typer.Typer(no_args_is_help=True, help="List what happened, seal it, and verify that it was not rewritten.")


@app.command()
def verify(
    kept_seal: Annotated[
        str, typer.Option("--seal", metavar="HEX", help="A seal that was kept elsewhere: it must be there still.")
    ] = "",
    kept_events: Annotated[
        int,
        typer.Option(
            "--events", min=0, help="The number that was kept with it: the audit must account for at least as many."
        ),
    ] = 0,
    json: AsJson = False,
) -> None:
    """Look through the whole audit for what was changed, dropped or added; exit code 1 when something was.

    Only a seal that was kept elsewhere shows that the end of the audit was cut off cleanly.
    """
    kept_seal = kept_seal.strip().casefold()
    if kept_seal and not _SEAL.fullmatch(kept_seal):
        runtime.refuse(f"--seal {kept_seal}: a seal has 64 hexadecimal digits.")

    async def work(hub: "Hub") -> "Verdict":
        from hub.security import audit
        from models.event import Event

        with shown_progress("looking", await Event.all().count()) as advance:
            return await audit.verify(hub.keys, advance, kept=audit.Kept(kept_seal, kept_events))

    verdict = runtime.in_hub(work)
    if json:
        as_json(verdict)
    else:
        for finding in verdict.findings:
            warn(f"{_where(finding)}{finding.what}.")
        if verdict.more:
            warn(f"There are {verdict.more} more.")
        say(f"{counted(verdict.events, 'event')}, {counted(verdict.segments, 'sealed segment')}.")
        if verdict.last_seal:
            say(f"The last seal is {verdict.last_seal}; keep it elsewhere, with the number of events: {verdict.total}.")
            say(f"Compare later with `tegata audit verify --seal {verdict.last_seal} --events {verdict.total}`.")
    if verdict.findings:
        if not json:
            warn(f"The audit is not as it was written: {counted(len(verdict.findings) + verdict.more, 'finding')}.")
        raise typer.Exit(runtime.REFUSED)


def _where(finding: "Finding") -> str:
    if finding.segment is None and finding.event is None:
        return ""
    where = f"segment {finding.segment}" if finding.segment else "not sealed yet"
    return f"{where}{f', event {finding.event}' if finding.event else ''}: "


@app.command()
def seal(json: AsJson = False) -> None:
    """Seal what is not sealed yet, and print the seal and the number of events, to be kept elsewhere."""

    async def work(hub: "Hub") -> "Newest | None":
        from hub.security import audit

        return await audit.seal_all(hub.keys, now=runtime.now())

    newest = runtime.in_hub(work)
    if newest is None:
        runtime.refuse("Nothing has happened yet, so there is nothing to seal.")
    if json:
        as_json(newest)
        return
    say(f"--seal {newest.seal} --events {newest.events}")


@app.command("list")
def list_events(
    account: Annotated[str, typer.Option(help="Only events of this account.")] = "",
    kind: Annotated[EventKind | None, typer.Option(help="Only events of this kind.", show_choices=True)] = None,
    since: Annotated[datetime | None, typer.Option(help="Only events from this time on (UTC).")] = None,
    changes: Annotated[bool, typer.Option("--changes", help="Only events that change what opens an account.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100000, help="List at most so many, the newest first.")] = 50,
    json: AsJson = False,
) -> None:
    """List the newest events, the oldest of them first."""

    async def work(_hub: "Hub") -> "list[Told]":
        from hub.accounts import accounts
        from hub.security import audit

        number = (await accounts.find(account)).id if account else None
        begins = since.replace(tzinfo=UTC) if since is not None else None
        kinds = audit.CHANGES if changes else None
        return await audit.listed(account_id=number, kind=kind, limit=limit, since=begins, kinds=kinds)

    events = runtime.in_hub(work)
    if json:
        as_json(events)
        return
    if not events:
        say("Nothing has happened yet.")
    for event in events:
        detail = " ".join(f"{name}={value}" for name, value in event.detail.items())
        who = f"{event.account or '-'}  {event.address}"
        say(f"{event.at:%Y-%m-%d %H:%M:%S}  {event.kind:<18}  {who}  {detail}".rstrip())
