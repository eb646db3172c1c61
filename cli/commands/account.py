"""`tegata account`: add, import, show, disable and mend accounts."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from cli import runtime
from cli.console import as_json, counted, err, say, warn

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.accounts.accounts import AccountLine, ListedAccount
    from hub.accounts.bulk_import import Imported
    from hub.context import Hub
    from hub.recovery.account_reset import Reset

app = typer.Typer(no_args_is_help=True, help="Add, import, list, show, disable and repair accounts.")

Name = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's name.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for another program.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything and write nothing.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Send the member no notice; for imports and set-up.")]
KeepGoing = Annotated[bool, typer.Option("--keep-going", help="Write the good rows although some are bad.")]
File = Annotated[
    Path, typer.Argument(metavar="FILE.csv", help="A CSV file in UTF-8 or UTF-16; the first line names columns.")
]


class Language(StrEnum):
    """What a member reads; a member may choose another one on every page."""

    JA = "ja"
    EN = "en"
    UNSET = ""


@app.command()
def add(
    account: Name,
    password_stdin: FromStdin = False,
    language: Annotated[
        Language, typer.Option(help="The language of pages and mail; the browser's by default.")
    ] = Language.UNSET,
) -> None:
    """Add an account; the password is asked for."""
    password = _password(account, from_stdin=password_stdin, is_new=True)

    async def work(hub: "Hub") -> None:
        from hub.accounts import accounts

        await accounts.add(hub, runtime.visit(), name=account, password=password, language=language)

    runtime.in_hub(work)
    say(f"{account} was added. `tegata matrix issue {account}` prints a matrix card.")


@app.command("import")
def import_file(file: File, dry_run: DryRun = False, keep_going: KeepGoing = False, json: AsJson = False) -> None:
    """Import accounts from a file with the columns account, password or password_hash, and optionally language."""

    async def work(hub: "Hub") -> "Imported":
        from hub.accounts import bulk_import

        read = await bulk_import.unknown_accounts(bulk_import.read_accounts(file))
        if dry_run or (read.bad and not keep_going):
            return bulk_import.unwritten(read)
        with shown_progress("hashing", len(read.good)) as advance:
            hashed = await bulk_import.hashes(hub, read.good, advance)
        with shown_progress("writing", len(read.good)) as advance:
            await bulk_import.write_accounts(hub, runtime.visit(), read.good, hashed, advance)
        return bulk_import.written(read)

    report(file, runtime.in_hub(work), what="account", dry_run=dry_run, json=json)


@app.command("list")
def list_accounts(
    beginning: Annotated[
        str, typer.Argument(metavar="[BEGINNING]", help="Only accounts whose name begins with this.")
    ] = "",
    after: Annotated[str, typer.Option(metavar="ACCOUNT", help="List the accounts after this one.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100000, help="List at most so many.")] = 100,
    json: AsJson = False,
) -> None:
    """List accounts by name."""

    async def work(_hub: "Hub") -> "list[ListedAccount]":
        from hub.accounts import accounts

        return await accounts.listed(beginning=beginning, after=after, limit=limit)

    lines = runtime.in_hub(work)
    if json:
        as_json(lines)
        return
    if not lines:
        say("There is no such account." if beginning or after else "There is no account yet.")
    for line in lines:
        say(f"{line.account}{'  (disabled)' if line.disabled_at else ''}")
    if len(lines) == limit:
        warn(f"There may be more: --after {lines[-1].account}, or a larger --limit.")


@app.command()
def show(account: Name, json: AsJson = False) -> None:
    """Show what is known of an account."""

    async def work(_hub: "Hub") -> "AccountLine":
        from hub.accounts import accounts

        return await accounts.show(account, now=runtime.now())

    line = runtime.in_hub(work)
    if json:
        as_json(line)
        return
    say(f"Account       {line.account}{' (disabled)' if line.disabled_at else ''}")
    say(f"Number        #{line.id}, as the log names it")
    say(f"Added         {line.created_at:%Y-%m-%d %H:%M} UTC")
    say(f"Last login    {f'{line.last_login_at:%Y-%m-%d %H:%M} UTC' if line.last_login_at else 'never'}")
    if line.disowned_at:
        say(f"Disowned      {line.disowned_at:%Y-%m-%d %H:%M} UTC, by “This was not me” in a letter")
    if line.codes_blocked_until:
        say(f"Codes blocked until {line.codes_blocked_until:%Y-%m-%d %H:%M} UTC; `tegata account unlock` lifts it")
    say(f"Open sessions {line.open_sessions}")
    say(f"Matrix card   {line.matrix_serial or 'none'}{' (switched off)' if line.matrix_off_at else ''}")
    say(f"Soft tokens   {line.soft_tokens}")
    for count in line.counts:
        effect = f"; {count.effect}" if count.effect else ""
        say(f"Counted       {count.what}: {count.wrong}{effect}")
    say(f"Contacts      {len(line.contacts)}")
    for contact in line.contacts:
        state = "suspended" if contact.suspended_at else "confirmed" if contact.confirmed_at else "waiting"
        say(f"  {contact.label}  {contact.shown}  {state}")


@app.command()
def disable(account: Name, quiet: Quiet = False) -> None:
    """Disable an account and end its sessions."""

    async def work(hub: "Hub") -> int:
        from hub.accounts import accounts

        return await accounts.disable(hub, runtime.visit(), account, quiet=quiet)

    say(f"{account} is disabled; {_ended(runtime.in_hub(work))}.")


@app.command()
def enable(account: Name, quiet: Quiet = False) -> None:
    """Let a disabled account log in again."""

    async def work(hub: "Hub") -> None:
        from hub.accounts import accounts

        await accounts.enable(hub, runtime.visit(), account, quiet=quiet)

    runtime.in_hub(work)
    say(f"{account} can log in again.")


@app.command()
def unlock(account: Name, quiet: Quiet = False) -> None:
    """Unlock an account: reset its wrong answers and let codes go to it again."""

    async def work(hub: "Hub") -> int:
        from hub.accounts import accounts

        return await accounts.unlock(hub, runtime.visit(), account, quiet=quiet)

    say(
        f"{account}: all methods are unlocked; {counted(runtime.in_hub(work), 'count')} of wrong answers reset;"
        " codes may be sent."
    )


@app.command()
def password(account: Name, password_stdin: FromStdin = False, quiet: Quiet = False) -> None:
    """Give an account a new password and end its sessions."""
    chosen = _password(account, from_stdin=password_stdin)

    async def work(hub: "Hub") -> int:
        from hub.accounts import accounts

        return await accounts.set_password(hub, runtime.visit(), account, chosen, quiet=quiet)

    say(f"{account} has a new password; {_ended(runtime.in_hub(work))}.")


@app.command()
def reset(
    account: Name,
    since: Annotated[
        datetime,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
            help="Remove contacts, soft tokens and IC cards that were bound from this time on (UTC).",
        ),
    ],
    password_stdin: FromStdin = False,
) -> None:
    """Recover an account that a stranger used: new password, all logins ended, matrix card revoked."""
    begins = since.replace(tzinfo=UTC)
    if begins > runtime.now():
        runtime.refuse(f"--since {begins:%Y-%m-%d %H:%M} UTC lies in the future.")
    chosen = _password(account, from_stdin=password_stdin)

    async def work(hub: "Hub") -> "Reset":
        from hub.recovery import account_reset

        return await account_reset.reset(hub, runtime.visit(), account, password=chosen, since=begins)

    done = runtime.in_hub(work)
    say(f"{account} has a new password; {_ended(done.sessions)}, {counted(done.logins, 'login')} under way ended.")
    for label in done.contacts:
        say(f"Removed the contact {label}.")
    for label in done.soft_tokens:
        say(f"Removed the soft token {label}.")
    if done.ic_cards:
        say(f"Blocked {counted(done.ic_cards, 'IC card')}.")
    if done.matrix_card_revoked:
        say(f"The matrix card is revoked: `tegata matrix issue {account}` prints a new one.")
    if done.contacts_left:
        say(f"{counted(done.contacts_left, 'older contact')} left: check with the member that each is theirs.")
    if done.is_disabled:
        say(f"The account is still disabled: `tegata account enable {account}` lets the member log in.")


def report(file: Path, imported: "Imported", *, what: str, dry_run: bool, json: bool) -> None:
    """Say what became of a file: a line for each bad row, then the sum; exit code 1 when a row was bad."""
    if json:
        as_json(imported)
    else:
        _tell(file, imported, what=what, dry_run=dry_run)
    if imported.bad:
        raise typer.Exit(runtime.REFUSED)


def _tell(file: Path, imported: "Imported", *, what: str, dry_run: bool) -> None:
    for row in imported.bad:
        warn(f"{file}:{row.line}: {row.reason}")
    bad = f"{counted(len(imported.bad), 'bad row')}"
    if dry_run:
        say(f"{counted(imported.good, what)} can be written, {bad}; nothing was written (dry run).")
    elif imported.bad and not imported.written:
        warn(f"{bad}, so nothing was written{'; --keep-going writes the good ones' if imported.good else ''}.")
    else:
        say(f"{counted(imported.written, what)} written, {bad}.")


def _ended(sessions: int) -> str:
    return f"{counted(sessions, 'open session')} ended"


@contextmanager
def shown_progress(what: str, total: int) -> "Iterator[Callable[[int], None]]":
    """Show how far a long piece of work is, with the time it still takes; nothing where nobody watches."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.advance(task, done)


def _password(account: str, *, from_stdin: bool, is_new: bool = False) -> str:
    """Get a password that never stood on a command line; the operator types none for an account that can't get it."""
    if from_stdin:
        return _line(sys.stdin.buffer.readline())
    if not sys.stdin.isatty():
        runtime.refuse("There is no terminal to ask for the password at; use --password-stdin.")

    async def work(_hub: "Hub") -> None:
        from hub.accounts import accounts

        await (accounts.check_free(account) if is_new else accounts.find(account))

    runtime.in_hub(work)
    chosen: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return chosen


def _line(read: bytes) -> str:
    """Read the password that another program wrote, which is UTF-8 whatever this machine speaks."""
    try:
        chosen = read.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        runtime.refuse("The password on standard input is not UTF-8.")
    if not chosen:
        runtime.refuse("There is no password on standard input.")
    return chosen
