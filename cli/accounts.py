"""`tegata account`: add, import, show, disable and mend accounts."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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

from cli import hubwork
from cli.console import as_json, err, say, warn

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.hub import Hub
    from hub.imports import BadRow

app = typer.Typer(no_args_is_help=True, help="Add, import, show, disable and mend accounts.")

Name = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's name.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for another program.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything and write nothing.")]
KeepGoing = Annotated[bool, typer.Option("--keep-going", help="Write the good rows although some are bad.")]
File = Annotated[Path, typer.Argument(metavar="FILE.csv", help="A CSV file in UTF-8; the first line names columns.")]


@app.command()
def add(
    account: Name,
    password_stdin: FromStdin = False,
    language: Annotated[str, typer.Option(help="ja or en; empty for the browser's.")] = "",
) -> None:
    """Add an account; the password is asked for."""
    if language not in {"", "ja", "en"}:
        hubwork.refuse("The language is ja or en.")
    password = _password(from_stdin=password_stdin)

    async def work(hub: "Hub") -> None:
        from hub import accounts

        await accounts.add(hub, hubwork.visit(), name=account, password=password, language=language)

    hubwork.in_hub(work)
    say(f"{account} was added. `tegata matrix issue {account}` prints a matrix card.")


@app.command("import")
def import_file(file: File, dry_run: DryRun = False, keep_going: KeepGoing = False) -> None:
    """Import accounts from a file with the columns account, password or password_hash, and optionally language."""

    async def work(hub: "Hub") -> tuple[int, "list[BadRow]"]:
        from hub import imports
        from hub.imports import BadRow

        read = imports.read_accounts(file)
        known = await imports.known_accounts(row.name for row in read.good)
        from hub.labels import fold_account

        taken = [row for row in read.good if fold_account(row.name) in known]
        bad = read.bad + [BadRow(row.line, f"{row.name}: there is an account of this name.") for row in taken]
        good = [row for row in read.good if fold_account(row.name) not in known]
        if not _goes_on(bad, dry_run=dry_run, keep_going=keep_going):
            return (len(good) if dry_run else 0), bad
        with shown_progress("hashing", len(good)) as advance:
            hashed = await imports.hashes(hub, good, advance)
        with shown_progress("writing", len(good)) as advance:
            await imports.write_accounts(hub, hubwork.visit(), good, hashed, advance)
        return len(good), bad

    written, bad = hubwork.in_hub(work)
    report(file, written, bad, what="accounts", dry_run=dry_run)


@app.command()
def show(account: Name, json: AsJson = False) -> None:
    """Show what is known of an account."""

    async def work(_hub: "Hub") -> object:
        from hub import accounts

        return await accounts.show(account, now=hubwork.now())

    from hub.accounts import AccountLine

    line = hubwork.in_hub(work)
    assert isinstance(line, AccountLine)  # noqa: S101 - what accounts.show gives
    if json:
        as_json(line)
        return
    say(f"Account       {line.account}{' (disabled)' if line.disabled_at else ''}")
    say(f"Added         {line.created_at:%Y-%m-%d %H:%M} UTC")
    say(f"Last login    {f'{line.last_login_at:%Y-%m-%d %H:%M} UTC' if line.last_login_at else 'never'}")
    if line.disowned_at:
        say(f"Disowned      {line.disowned_at:%Y-%m-%d %H:%M} UTC, by “This was not me” in a letter")
    if line.codes_blocked_until:
        say(f"Codes blocked until {line.codes_blocked_until:%Y-%m-%d %H:%M} UTC; `tegata account unlock` lifts it")
    say(f"Open sessions {line.open_sessions}")
    say(f"Matrix card   {line.matrix_serial or 'none'}{' (switched off)' if line.matrix_off_at else ''}")
    say(f"Soft tokens   {line.soft_tokens}")
    say(f"Contacts      {len(line.contacts)}")
    for contact in line.contacts:
        state = "suspended" if contact.suspended_at else "confirmed" if contact.confirmed_at else "waiting"
        say(f"  {contact.label}  {contact.address}  {state}")


@app.command()
def disable(account: Name) -> None:
    """Disable an account and end its sessions."""

    async def work(hub: "Hub") -> int:
        from hub import accounts

        return await accounts.disable(hub, hubwork.visit(), account)

    say(f"{account} is disabled; {hubwork.in_hub(work)} open sessions were ended.")


@app.command()
def enable(account: Name) -> None:
    """Let a disabled account log in again."""

    async def work(hub: "Hub") -> None:
        from hub import accounts

        await accounts.enable(hub, hubwork.visit(), account)

    hubwork.in_hub(work)
    say(f"{account} can log in again.")


@app.command()
def unlock(account: Name) -> None:
    """Forget an account's wrong answers and let codes go to it again, so that every way is open."""

    async def work(hub: "Hub") -> int:
        from hub import accounts

        return await accounts.unlock(hub, hubwork.visit(), account)

    say(f"{account}: {hubwork.in_hub(work)} counts of wrong answers were forgotten; codes may be sent.")


@app.command()
def password(account: Name, password_stdin: FromStdin = False) -> None:
    """Give an account a new password and end its sessions."""
    chosen = _password(from_stdin=password_stdin)

    async def work(hub: "Hub") -> int:
        from hub import accounts

        return await accounts.set_password(hub, hubwork.visit(), account, chosen)

    say(f"{account} has a new password; {hubwork.in_hub(work)} open sessions were ended.")


def report(file: Path, written: int, bad: "Sequence[BadRow]", *, what: str, dry_run: bool) -> None:
    """Say what became of a file: a line for each bad row, then the sum; exit code 1 when a row was bad."""
    for row in sorted(bad, key=lambda one: one.line):
        warn(f"{file}:{row.line}: {row.reason}")
    if dry_run:
        say(f"{written} {what} can be written, {len(bad)} rows are bad; nothing was written (dry run).")
    elif bad and not written:
        warn(f"{len(bad)} rows are bad, so nothing was written; --keep-going writes the good ones.")
    else:
        say(f"{written} {what} were written, {len(bad)} rows were bad.")
    if bad:
        raise typer.Exit(hubwork.REFUSED)


@contextmanager
def shown_progress(what: str, total: int) -> "Iterator[Callable[[int], None]]":
    """Show how far a long piece of work is, with the time it still takes; nothing where nobody watches."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.advance(task, done)


def _goes_on(bad: "Sequence[BadRow]", *, dry_run: bool, keep_going: bool) -> bool:
    return not dry_run and (keep_going or not bad)


def _password(*, from_stdin: bool) -> str:
    """Get a password that never stood on a command line."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        hubwork.refuse("There is no terminal to ask for the password at; use --password-stdin.")
    chosen: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return chosen
