"""`tegata contact`: list, add, allow and remove an account's contacts."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import runtime
from cli.commands.account import AsJson, Name, Quiet
from cli.console import as_json, counted, say

if TYPE_CHECKING:
    from hub.contacts.contacts import ContactLine
    from hub.context import Hub

app = typer.Typer(no_args_is_help=True, help="List, add and remove an account's contacts.")
Label = Annotated[str, typer.Argument(metavar="LABEL", help="The contact's label.")]


@app.command("list")
def list_contacts(account: Name, json: AsJson = False) -> None:
    """List an account's contacts."""

    async def work(_hub: "Hub") -> "tuple[ContactLine, ...]":
        from hub.accounts import accounts

        return (await accounts.show(account, now=runtime.now())).contacts

    lines = runtime.in_hub(work)
    if json:
        as_json(list(lines))
        return
    if not lines:
        say(f"{account} has no contact.")
    for line in lines:
        say(f"{line.id}  {line.label}  {line.shown}  {_state(line)}")


def _state(line: "ContactLine") -> str:
    if line.suspended_at:
        since = f"{line.suspended_at:%Y-%m-%d %H:%M} UTC"
        return f"suspended since {since}{f' ({line.suspended_why})' if line.suspended_why else ''}"
    return "confirmed" if line.confirmed_at else "waiting"


@app.command()
def add(
    account: Name,
    label: Label,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The mail address.")],
    quiet: Quiet = False,
) -> None:
    """Add a mail address that counts at once, on your word that it is the member's."""

    async def work(hub: "Hub") -> None:
        from hub.accounts import accounts

        await accounts.add_contact(hub, runtime.visit(), account, label=label, address=address, quiet=quiet)

    runtime.in_hub(work)
    say(f"{account}: {label} was added and is confirmed.")


@app.command()
def allow(
    account: Name,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The mail address.")],
) -> None:
    """Open a mail address again whose reader refused the account's registration."""

    async def work(hub: "Hub") -> None:
        from hub.accounts import accounts

        await accounts.allow_address(hub, runtime.visit(), account, address)

    runtime.in_hub(work)
    say(f"{account}: {address} can be added again.")


@app.command()
def resume(
    workspace: Annotated[str, typer.Option("--workspace", help="The id of a Slack workspace or organisation.")],
) -> None:
    """Lift the suspensions of a Slack workspace's contacts, once the app is installed again."""

    async def work(hub: "Hub") -> int:
        from hub.contacts import slack_linking

        return await slack_linking.resume(hub, runtime.visit(), workspace)

    say(f"{workspace}: {counted(runtime.in_hub(work), 'contact')} resumed.")


@app.command()
def remove(account: Name, label: Label) -> None:
    """Remove a contact by its label, and end the account's sessions; this contact and all others are notified."""

    async def work(hub: "Hub") -> int:
        from hub.accounts import accounts

        return await accounts.remove_contact(hub, runtime.visit(), account, label)

    say(f"{account}: {label} was removed; {counted(runtime.in_hub(work), 'open session')} ended.")
