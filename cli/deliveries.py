"""`tegata delivery`: what became of each letter and code of an account."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import hubwork
from cli.accounts import AsJson, Name
from cli.console import as_json, say

if TYPE_CHECKING:
    from hub.delivery_life import DeliveryLife
    from hub.hub import Hub

app = typer.Typer(no_args_is_help=True, help="Show what became of an account's mails and codes.")


@app.command("list")
def list_deliveries(
    account: Name,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="List at most so many, the newest first.")] = 10,
    json: AsJson = False,
) -> None:
    """List an account's letters and codes, newest last, with what became of each; never the code."""

    async def work(hub: "Hub") -> "list[DeliveryLife]":
        from hub import delivery_life

        return await delivery_life.listed(hub, account, limit=limit, now=hubwork.now())

    lives = hubwork.in_hub(work)
    if json:
        as_json(lives)
        return
    if not lives:
        say(f"{account}: nothing was sent in the last {_kept_days()} days.")
    from hub.delivery_life import words_of

    now = hubwork.now()
    for life in lives:
        head, *rest = words_of(life, now)
        say(head)
        for line in rest:
            say(f"    {line}")


def _kept_days() -> int:
    from hub.settings import NUMBERS

    return NUMBERS.kept_deliveries.days
