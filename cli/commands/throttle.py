"""`tegata throttle`: show and clear the counts of wrong answers."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import runtime
from cli.commands.account import AsJson
from cli.console import as_json, counted, say, warn

if TYPE_CHECKING:
    from hub.accounts.wrong_answer_counts import CountLine
    from hub.context import Hub

app = typer.Typer(no_args_is_help=True, help="Show and clear the counts of wrong answers.")
_NAMED = "An account, an address, or a network such as 192.0.2.0/24"


@app.command()
def show(
    about: Annotated[
        str, typer.Argument(metavar="[ACCOUNT|NETWORK]", help=f"{_NAMED}; without it the highest counts.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=100000, help="At most so many.")] = 100,
    json: AsJson = False,
) -> None:
    """Show how often answers were wrong, and what stands against the next one."""

    async def work(_hub: "Hub") -> "list[CountLine]":
        from hub.accounts import wrong_answer_counts

        return await wrong_answer_counts.shown(about, now=runtime.now(), limit=limit)

    lines = runtime.in_hub(work)
    if json:
        as_json(lines)
        return
    if not lines:
        say(f"There is no count of wrong answers{f' for {about}' if about else ''}.")
    for line in lines:
        say(count_text(line))
    if len(lines) == limit:
        warn("There may be more: a larger --limit.")


@app.command()
def clear(about: Annotated[str, typer.Argument(metavar="ACCOUNT|NETWORK", help=f"{_NAMED}.")]) -> None:
    """Forget the counts of wrong answers of an account or a network, so that its next try is heard at once."""

    async def work(hub: "Hub") -> int:
        from hub.accounts import wrong_answer_counts

        return await wrong_answer_counts.clear(hub, runtime.visit(), about)

    say(f"{about}: {counted(runtime.in_hub(work), 'count')} of wrong answers cleared.")


def count_text(line: "CountLine") -> str:
    """Write one count."""
    effect = f"; {line.effect}" if line.effect else ""
    return f"{line.of}  {line.what}: {line.wrong}, last {line.last_at:%Y-%m-%d %H:%M} UTC{effect}"
