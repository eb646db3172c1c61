"""`tegata keys`: make the key ring, add a key to it, and retire the keys before."""

from typing import TYPE_CHECKING

import typer

from cli import runtime
from cli.commands.account import shown_progress
from cli.console import counted, say
from models.kinds import EventKind

if TYPE_CHECKING:
    from hub.context import Hub

app = typer.Typer(no_args_is_help=True, help="Make the key ring, add a key to it, retire the keys before.")


@app.command()
def init() -> None:
    """Make a new key ring, readable by you alone."""
    from hub.security import keyring

    path = runtime.settings().keys_file
    runtime.guarded(lambda: keyring.create(path, now=runtime.now()))
    say(f"{path} was made. Back it up apart from the database: without it nobody can log in with a card or token.")


@app.command()
def rotate() -> None:
    """Add a key, and seal every secret with it; older keys stay for what was made while they were current."""
    from hub.security import keyring

    path = runtime.settings().keys_file
    ring = runtime.guarded(lambda: keyring.load(path).rotated(now=runtime.now()))
    say(f"{path} has the new key {ring.current}; back the file up.")

    async def work(hub: "Hub") -> int:
        from hub.maintenance import jobs

        await jobs.tell_of_keys(hub, runtime.visit(), EventKind.KEYS_ROTATED)
        return await _resealed(hub)

    say(f"{counted(runtime.in_hub(work), 'secret')} sealed with it. Running hubs take it up by themselves.")


@app.command()
def retire() -> None:
    """Have every key but the current one open nothing any more; all who are logged in by one must log in again."""
    from hub.maintenance import jobs
    from hub.security import keyring

    path = runtime.settings().keys_file
    ring = runtime.guarded(lambda: keyring.load(path))
    left = [key_id for key_id in ring.opening if key_id != ring.current]
    if not left:
        runtime.refuse("There is no older key to retire; `tegata keys rotate` adds a new one first.")

    async def work(hub: "Hub") -> None:
        # Secrets that an older key sealed would be lost.
        await _resealed(hub)
        keyring.load(path).without_replaced(now=runtime.now())
        await jobs.tell_of_keys(hub, runtime.visit(), EventKind.KEYS_RETIRED)

    runtime.in_hub(work)
    say(f"Retired: {', '.join(left)}. They verify the audit still; back {path} up.")
    say("What was made with them opens nothing any more: sessions, logins under way, links and addresses in letters.")


async def _resealed(hub: "Hub") -> int:
    """Seal every secret with the current key."""
    from hub.maintenance import jobs

    total = await jobs.to_reseal(hub)
    with shown_progress("sealing", total) as advance:
        while done := await jobs.reseal(hub, runtime.now()):
            advance(done)
    return total
