"""`tegata mail shelf`: the mail that came in and was not understood."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli import runtime
from cli.commands.account import AsJson
from cli.console import as_json, say

if TYPE_CHECKING:
    from hub.context import Hub
    from hub.inbound.mail_queue import ShelfLine

app = typer.Typer(no_args_is_help=True, help="Look at the mail that was not understood, and decide about it.")
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The message's number in the list.")]


@app.command("list")
def list_shelf(json: AsJson = False) -> None:
    """List what was not understood, with the reason."""

    async def work(_hub: "Hub") -> "list[ShelfLine]":
        from hub.inbound import mail_queue

        return await mail_queue.shelf()

    lines = runtime.in_hub(work)
    if json:
        as_json(lines)
        return
    if not lines:
        say("The shelf is empty.")
    for line in lines:
        say(f"{line.id}  {line.received_at:%Y-%m-%d %H:%M}  {line.use}  {line.sender or '<>'}  {line.reason}")


@app.command()
def show(number: Number) -> None:
    """Write a shelved message as it came."""

    async def work(hub: "Hub") -> bytes:
        from hub.inbound import mail_queue

        return await mail_queue.shelved_content(hub, number)

    content = runtime.in_hub(work)
    sys.stdout.buffer.write(content)


@app.command()
def retry(number: Number) -> None:
    """Have a shelved message read once more."""

    async def work(hub: "Hub") -> None:
        from hub.inbound import mail_queue

        await mail_queue.retry(hub, number, now=runtime.now())

    runtime.in_hub(work)
    say(f"Message {number} is being read again.")


@app.command()
def drop(number: Number) -> None:
    """Drop a shelved message for good."""

    async def work(_hub: "Hub") -> None:
        from hub.inbound import mail_queue

        await mail_queue.drop(number)

    runtime.in_hub(work)
    say(f"Message {number} was dropped.")
