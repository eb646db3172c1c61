"""`tegata kiosk`: add kiosks, list them, take them out of service."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli import runtime
from cli.commands.account import AsJson
from cli.console import as_json, counted, say, warn
from models.kinds import Zone

if TYPE_CHECKING:
    from hub.cards.kiosks import Added, KioskLine
    from hub.context import Hub

app = typer.Typer(no_args_is_help=True, help="Add kiosks with card readers, list them, take them out of service.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The kiosk's name, such as where it stands.")]


class Where(StrEnum):
    """Where a kiosk stands."""

    ON_CAMPUS = "on-campus"
    OFF_CAMPUS = "off-campus"


@app.command()
def add(
    name: Name,
    zone: Annotated[Where, typer.Option(help="Whether it stands on campus; its logins count as from there.")],
    json: AsJson = False,
) -> None:
    """Add a kiosk and print the code that enrols it, once."""

    async def work(hub: "Hub") -> "Added":
        from hub.cards import kiosks

        return await kiosks.add(hub, runtime.visit(), name=name, zone=Zone(zone))

    added = runtime.in_hub(work)
    if json:
        as_json(added)
        return
    where = runtime.settings().origin or "HUB_URL"
    warn(f"At the kiosk, until {added.expires_at:%Y-%m-%d %H:%M} UTC and once; it reads the code from the input:")
    warn(f"sudo -u tegata-kiosk /opt/tegata/bin/python -m reader_kiosk enrol {where} -")
    say(added.code)


@app.command("list")
def list_kiosks(json: AsJson = False) -> None:
    """List all kiosks, those in service first."""

    async def work(_hub: "Hub") -> "list[KioskLine]":
        from hub.cards import kiosks

        return await kiosks.listed()

    lines = runtime.in_hub(work)
    if json:
        as_json(lines)
        return
    if not lines:
        say("There is no kiosk yet.")
    for line in lines:
        say(f"{line.name}  {line.zone}  {_state(line)}")


@app.command()
def revoke(name: Name) -> None:
    """Take a kiosk out of service and end its sessions at once."""

    async def work(hub: "Hub") -> int:
        from hub.cards import kiosks

        return await kiosks.revoke(hub, runtime.visit(), name)

    say(f"{name} is out of service; {counted(runtime.in_hub(work), 'open session')} ended.")


def _state(line: "KioskLine") -> str:
    if line.revoked_at:
        return f"revoked {line.revoked_at:%Y-%m-%d %H:%M} UTC"
    if line.enrolled_at is None:
        is_over = line.code_expires_at is None or line.code_expires_at <= runtime.now()
        return "its code has ended: revoke it and add it again" if is_over else "waits to be enrolled"
    return f"last heard {line.seen_at:%Y-%m-%d %H:%M} UTC" if line.seen_at else "enrolled, not heard yet"
