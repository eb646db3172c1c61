"""`tegata delivery`: what became of each letter and code of an account."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import runtime
from cli.commands.account import AsJson, Name
from cli.console import as_json, say

if TYPE_CHECKING:
    from hub.accounts.delivery_history import DeliveryLife
    from hub.context import Hub

app = typer.Typer(no_args_is_help=True, help="Show what became of an account's mails and codes.")


@app.command("list")
def list_deliveries(
    account: Name,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="List at most so many, the newest first.")] = 10,
    json: AsJson = False,
) -> None:
    """List an account's letters and codes, newest last, with what became of each; never the code."""

    async def work(hub: "Hub") -> "list[DeliveryLife]":
        from hub.accounts import delivery_history

        return await delivery_history.listed(hub, account, limit=limit, now=runtime.now())

    lives = runtime.in_hub(work)
    if json:
        as_json(lives)
        return
    if not lives:
        say(f"{account}: nothing was sent in the last {_kept_days()} days.")
    from hub.accounts.delivery_history import words_of

    now = runtime.now()
    for life in lives:
        head, *rest = words_of(life, now)
        say(head)
        for line in rest:
            say(f"    {line}")


def _kept_days() -> int:
    from hub.settings import NUMBERS

    return NUMBERS.kept_deliveries.days
