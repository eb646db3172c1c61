"""Telling the hub that a card is gone, until it has heard it; nobody waits for that."""

import asyncio

import structlog

from reader_kiosk.errors import HubUnreachableError
from reader_kiosk.hub_client import HubClient, Reason

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 15.0
# Longer than any session lives: after that there is nothing left to end.
_GIVE_UP_AFTER = 12 * 3600.0
_LAST_WORDS = 2.0
_AGAIN = {Reason.THROTTLED, Reason.BUSY, Reason.CLOCK, Reason.REPLAYED}
_log = structlog.get_logger(__name__)


class Ending:
    """Logins that are over here and may not be at the hub yet."""

    def __init__(self, hub: HubClient) -> None:
        self._hub = hub
        self._tasks: set[asyncio.Task[None]] = set()

    def end(self, login_id: str) -> None:
        """See to it that this login and its session end."""
        task = asyncio.create_task(self._until_heard(login_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait a moment for what is still to be said."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LAST_WORDS)
        for task in self._tasks:
            task.cancel()

    async def _until_heard(self, login_id: str) -> None:
        loop = asyncio.get_running_loop()
        until, pause = loop.time() + _GIVE_UP_AFTER, _FIRST_PAUSE
        while loop.time() < until:
            try:
                told = await self._hub.end(login_id)
            except HubUnreachableError as error:
                _log.warning("kiosk.end-unheard", error=str(error))
            else:
                if told is None or told.reason not in _AGAIN:
                    return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
