"""`tegata soft-token`: list and remove an account's soft tokens."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import runtime
from cli.commands.account import AsJson, Name
from cli.console import as_json, counted, say

if TYPE_CHECKING:
    from hub.context import Hub
    from hub.verification.soft_tokens import SoftTokenLine

app = typer.Typer(no_args_is_help=True, help="List and remove an account's soft tokens.")
Label = Annotated[str, typer.Argument(metavar="LABEL", help="The soft token's label.")]


@app.command("list")
def list_soft_tokens(account: Name, json: AsJson = False) -> None:
    """List an account's soft tokens."""

    async def work(_hub: "Hub") -> "list[SoftTokenLine]":
        from hub.accounts import accounts

        return await accounts.soft_tokens_of(account)

    lines = runtime.in_hub(work)
    if json:
        as_json(lines)
        return
    if not lines:
        say(f"{account} has no soft token.")
    for line in lines:
        used = f"used {line.used_at:%Y-%m-%d %H:%M} UTC" if line.used_at else "never used"
        say(f"{line.label}  registered {line.bound_at:%Y-%m-%d %H:%M} UTC  {used}")


@app.command()
def remove(account: Name, label: Label) -> None:
    """Remove a soft token by its label, and end the account's sessions; the member's contacts are notified."""

    async def work(hub: "Hub") -> int:
        from hub.accounts import accounts

        return await accounts.remove_soft_token(hub, runtime.visit(), account, label)

    say(f"{account}: {label} was removed; {counted(runtime.in_hub(work), 'open session')} ended.")
