"""Every command of the operator's door, in one place."""

import asyncio
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli import runtime
from cli.commands import (
    account,
    audit,
    card,
    contact,
    database,
    delivery,
    keys,
    mail,
    matrix,
    soft_token,
    throttle,
)
from cli.commands import (
    kiosk as kiosks,
)
from cli.commands.account import AsJson
from cli.console import as_json, say, warn


class Door(StrEnum):
    """What may be run alone."""

    WEB = "web"
    MAIL_GATEWAY = "mail_gateway"
    BOT = "bot"


app = typer.Typer(
    name="tegata",
    help="The login hub: serve its doors, keep its accounts, look after its keys.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(account.app, name="account")
app.add_typer(matrix.app, name="matrix")
app.add_typer(card.app, name="card")
app.add_typer(kiosks.app, name="kiosk")
app.add_typer(contact.app, name="contact")
app.add_typer(delivery.app, name="delivery")
app.add_typer(soft_token.app, name="soft-token")
app.add_typer(keys.app, name="keys")
app.add_typer(mail.app, name="mail")
app.add_typer(audit.app, name="audit")
app.add_typer(throttle.app, name="throttle")
app.add_typer(database.app, name="database")


def main() -> None:
    """Run a command; output that can't be written is told, and is exit code 1."""
    if sys.stdout is None:
        # Closed by whoever started this; a file of ours must not get its number.
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except OSError as error:
        # What is left of the output goes nowhere: Python would try it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            warn(f"The output can't be written ({error.strerror}).")
        sys.exit(runtime.REFUSED)


def _version(*, asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        say(f"tegata {version('tegata')}")
        raise typer.Exit


@app.callback()
def tegata(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=lambda asked: _version(asked=asked), is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """The login hub: serve its doors, keep its accounts, look after its keys."""


@app.command()
def serve(
    doors: Annotated[
        list[Door] | None, typer.Argument(metavar="[DOOR]…", help="web, mail_gateway, bot; all of them by default.")
    ] = None,
) -> None:
    """Run the doors asked for in one process, until stopped."""
    from cli.server.serve import serve as run

    settings = runtime.settings()
    runtime.guarded(lambda: run(settings, doors or ()))


@app.command()
def demo(
    port: Annotated[
        int, typer.Option(min=1, max=65000, help="The portal's port; the inbox and the rest get the next.")
    ] = 8080,
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its data.")] = Path(".demo"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget an earlier demo and start over.")] = False,
    kiosk: Annotated[
        bool, typer.Option("--kiosk", help="With a kiosk, a virtual card reader and IC cards to put on it.")
    ] = False,
) -> None:
    """Run everything on this machine, with an inbox and a Slack to look into and two accounts ready."""
    from cli.commands.demo import demo as run

    runtime.guarded(lambda: run(folder=folder, port=port, fresh=fresh, has_kiosk=kiosk))


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    from models.database import migrate as apply

    settings = runtime.settings()
    applied = runtime.guarded(lambda: asyncio.run(apply(settings.database_url)))
    say(f"Applied: {', '.join(applied)}." if applied else "The schema was up to date.")


@app.command()
def settings(
    json: AsJson = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Write the page for the documentation.")] = False,
) -> None:
    """Print every setting with its value and its meaning; secrets stay hidden."""
    from cli.commands import settings_table

    if markdown:
        say(settings_table.markdown())
        return
    given = runtime.settings()
    if json:
        as_json(settings_table.rows(given))
        return
    say(settings_table.text(given))


@app.command()
def doctor(
    part: Annotated[str, typer.Argument(metavar="[mail]", help="mail: the mail server and its DNS records.")] = "",
    json: AsJson = False,
) -> None:
    """Report what is wrong and how to fix it; exit code 1 when something is."""
    from cli.doctor.command import examine
    from cli.doctor.finding import Grade
    from cli.doctor.mail import examine as examine_mail

    if part not in {"", "mail"}:
        runtime.refuse(f"{part}: there is no such part to examine; there is mail.")
    given = runtime.settings()
    findings = runtime.guarded(lambda: asyncio.run((examine_mail if part else examine)(given)))
    if json:
        as_json(findings)
    for finding in () if json else findings:
        line = f"{finding.grade:<5}  {finding.about}: {finding.what}."
        say(f"{line} To fix it: {finding.mend}." if finding.mend else line)
    if any(finding.grade is Grade.WRONG for finding in findings):
        raise typer.Exit(runtime.REFUSED)
