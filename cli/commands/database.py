"""`tegata database`: move the rows from one engine to another."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli import runtime
from cli.console import counted, say

app = typer.Typer(no_args_is_help=True, help="Move the rows from SQLite to PostgreSQL.")


@app.command("copy-from")
def copy_from(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The hub's SQLite file; stop the hub first.")],
) -> None:
    """Copy every row of an SQLite file into the empty database that the settings name."""
    settings = runtime.settings()
    if not file.is_file():
        runtime.refuse(f"{file}: there is no such file.")

    def work() -> int:
        from models.copying import copy

        return asyncio.run(copy(f"sqlite:///{file.resolve()}", settings.database_url, _tell))

    copied = runtime.guarded(work)
    say(f"{counted(copied, 'row')} copied. The key ring stays as it is: the new hub needs the same one.")


def _tell(table: str, rows: int) -> None:
    if rows:
        say(f"{table}: {counted(rows, 'row')}")
