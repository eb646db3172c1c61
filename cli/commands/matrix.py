"""`tegata matrix`: issue and import matrix cards."""

import json as json_format
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import runtime
from cli.commands.account import AsJson, DryRun, File, KeepGoing, Quiet, report, shown_progress
from cli.console import as_json, warn
from hub.authenticators.matrix import COLUMNS, ROWS
from hub.domain.errors import RefusedError

if TYPE_CHECKING:
    from hub.accounts.bulk_import import Imported
    from hub.context import Hub
    from hub.verification.matrix_cards import Printed

app = typer.Typer(no_args_is_help=True, help="Issue and import matrix cards.")


_OUTPUT = (
    "The file to write, new and readable by you alone; - for standard output."
    " A PDF asked for at a terminal goes to matrix-cards.pdf."
)


class Form(StrEnum):
    """How a card is written."""

    TEXT = "text"
    JSON = "json"
    PDF = "pdf"


@app.command()
def issue(
    accounts: Annotated[list[str], typer.Argument(metavar="ACCOUNT…", help="The accounts that get a new card.")],
    form: Annotated[Form, typer.Option("--format", help="pdf: ten to an A4 page; json: for a program.")] = Form.TEXT,
    output: Annotated[Path | None, typer.Option(help=_OUTPUT)] = None,
    quiet: Quiet = False,
) -> None:
    """Issue a new card to each account; a card before it stops working. The cells are shown this once."""
    target = _target(form, output)

    async def work(hub: "Hub") -> "list[Printed]":
        from hub.accounts import accounts as known
        from hub.verification import matrix_cards

        found = [await known.find(name) for name in accounts]
        # One account named twice, in whatever spelling, gets one card.
        once = {account.id: account for account in found}
        return await matrix_cards.issue_to(hub, runtime.visit(), list(once.values()), quiet=quiet)

    cards = runtime.in_hub(work)
    runtime.guarded(lambda: _write(cards, form, target))
    issued = "1 card was" if len(cards) == 1 else f"{len(cards)} cards were"
    warn(f"{issued} issued. The cells can't be shown again: keep what was written, or issue them again.")


@app.command("import")
def import_file(
    file: File, dry_run: DryRun = False, keep_going: KeepGoing = False, quiet: Quiet = False, json: AsJson = False
) -> None:
    """Import cards printed already: columns account, serial and A1 to J7 (or one column cells, A1 A2 … J7)."""

    async def work(hub: "Hub") -> "tuple[Imported, int]":
        from hub.accounts import bulk_import

        read = await bulk_import.fitting_cards(
            bulk_import.read_cards(file, takes_weak=hub.settings.matrix_weak_imports)
        )
        weak = sum(row.is_weak for row in read.good)
        if dry_run or (read.bad and not keep_going):
            return bulk_import.unwritten(read), weak
        with shown_progress("writing", len(read.good)) as advance:
            await bulk_import.write_cards(hub, runtime.visit(), read.good, advance, quiet=quiet)
        return bulk_import.written(read), weak

    imported, weak = runtime.in_hub(work)
    if weak:
        cards = "1 card has" if weak == 1 else f"{weak} cards have"
        warn(f"{cards} less than 20 bits in three cells: they are guessed sooner.")
    report(file, imported, what="card", dry_run=dry_run, json=json)


def _target(form: Form, output: Path | None) -> Path | None:
    """Decide where the cards go, before any card is issued; None for standard output."""
    if output == Path("-"):
        return None
    if output is None and (form is not Form.PDF or not sys.stdout.isatty()):
        return None
    target = output or Path("matrix-cards.pdf")
    if target.exists():
        runtime.refuse(f"{target}: there is such a file already; name another with --output.")
    if not os.access(target.parent, os.W_OK):
        runtime.refuse(f"{target}: nothing can be written there.")
    return target


def _write(cards: "list[Printed]", form: Form, target: Path | None) -> None:
    if form is Form.JSON and target is None:
        as_json([_plain(card) for card in cards])
        return
    content = _content(cards, form)
    if target is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content)
    except OSError as error:
        message = f"{target}: the cards can't be written ({error.strerror}); issue them again."
        raise RefusedError(message) from error
    warn(f"Written to {target}, readable by you alone.")


def _content(cards: "list[Printed]", form: Form) -> bytes:
    if form is Form.PDF:
        from hub.verification import matrix_card_pdf

        return matrix_card_pdf.pdf(cards, runtime.settings().service_name)
    if form is Form.JSON:
        return (json_format.dumps([_plain(card) for card in cards], ensure_ascii=False, indent=2) + "\n").encode()
    return "\n".join(_text(card) for card in cards).encode()


def _text(card: "Printed") -> str:
    lines = [f"{card.account}  {card.serial}", "    " + "  ".join(f"{column:<2}" for column in COLUMNS)]
    lines += [f"{row}   " + "  ".join(f"{card.cells[f'{column},{row}']:<2}" for column in COLUMNS) for row in ROWS]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _plain(card: "Printed") -> dict[str, object]:
    return {"account": card.account, "serial": card.serial, "cells": dict(card.cells)}
