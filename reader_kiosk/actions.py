"""What the commands do: enrol this kiosk, and be one."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from signal import SIGINT, SIGTERM

from reader_kiosk import app, identity, policy
from reader_kiosk.errors import HubUnreachableError, KioskError
from reader_kiosk.hub_client import Reason, Refused, enrol, line
from reader_kiosk.settings import Settings

_REFUSED = {
    Reason.CODE_WRONG: "The hub doesn't take this code: it is wrong, used or too old. `tegata kiosk add` prints one.",
    Reason.CLOCK: "This machine's clock is off. Please set it (timedatectl set-ntp true) and try again.",
    Reason.THROTTLED: "Too many codes were tried from here. Please wait a while.",
}


async def register(settings: Settings, hub_url: str, code: str) -> None:
    """Make this kiosk's key and have the hub take it; KioskError says why not."""
    identity.make_room(settings.folder)
    async with line(settings.hub_ca) as http:
        try:
            made = await enrol(http, hub_url, code, now=app.utc_now())
        except HubUnreachableError as error:
            message = f"The hub can't be reached at {hub_url}: {error}"
            raise KioskError(message) from error
    if isinstance(made, Refused):
        raise KioskError(_REFUSED.get(made.reason, f"The hub refused: {made.reason}."))
    identity.save(settings.folder, made)
    sys.stdout.write(f"Enrolled at {made.hub} as {made.name} ({made.zone}).\n")


async def stand(settings: Settings) -> None:
    """Be a kiosk until somebody ends it; KioskError when it can't begin."""
    found = identity.load(settings.folder)
    standing = asyncio.create_task(app.run(settings, found, ready=_tell(settings)))
    loop = asyncio.get_running_loop()
    for one in (SIGINT, SIGTERM):
        loop.add_signal_handler(one, standing.cancel)
    with suppress(asyncio.CancelledError):
        await standing


def lock_down(settings: Settings, *, is_shown: bool) -> None:
    """Write the browser's policy, or show it; KioskError when it cannot be written."""
    wanted = policy.Wanted(identity.hub_of(settings.folder), settings.origin, settings.also_open, settings.hub_ca)
    if is_shown:
        sys.stdout.write(policy.text(wanted))
        return
    sys.stdout.write(f"{policy.write(wanted)}: the browser opens {wanted.hub} and the kiosk's page.\n")


def _tell(settings: Settings) -> Callable[[str], None]:
    def tell(url: str) -> None:
        # The token opens the page: it is shown only to whoever has to open the browser by hand.
        sys.stdout.write(f"The kiosk is ready at {settings.origin if settings.browser else url}\n")
        sys.stdout.flush()

    return tell
