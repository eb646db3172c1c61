"""Whether there is room for more mail: what lies unread or on the shelf is counted now and then, and has a ceiling."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from hub.inbound import mail_queue
from hub.inbound.mail_queue import Kept
from hub.runtime.background import beside
from hub.runtime.outage import DATABASE_TROUBLE, Outage
from hub.settings import NUMBERS
from models.kinds import MailUse

Clock = Callable[[], datetime]
_EVERY = 2.0
# Told before mail is refused, while there is time to look through the shelf.
_NEARLY = 0.8
_EMPTY = Kept(0, 0, 0, None)


class Room:
    """The room of one hub, as it was seen last: a ceiling that a burst may pass by what comes between two looks."""

    def __init__(self, most: int, clock: Clock, *, every: float = _EVERY) -> None:
        self._most = most
        self._clock = clock
        self._every = every
        self._kept = _EMPTY
        self._outage = Outage("room for mail")

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Room"]:
        """Keep counting while this lasts."""
        async with beside(self._run()):
            yield self

    async def look(self) -> None:
        """Count once."""
        self._kept = await mail_queue.kept()

    def is_left(self, use: MailUse) -> bool:
        """Tell whether one more message for this may come in."""
        if self._kept.unread + self._kept.shelved >= self._most:
            return False
        return use is not MailUse.OPERATOR or self._kept.for_operator < NUMBERS.operator_mail

    @property
    def trouble(self) -> str:
        """What an operator must look at; empty when nothing is."""
        kept = self._kept
        if not self.is_left(MailUse.REPLY):
            return f"no mail is taken: {kept.unread} messages are unread and {kept.shelved} lie on the shelf"
        if kept.since is not None and self._clock() - kept.since > NUMBERS.mail_unread:
            return f"mail is not read: {kept.unread} messages wait, one since {kept.since:%H:%M} UTC"
        if not self.is_left(MailUse.OPERATOR):
            return f"no mail to the postmaster is taken: {kept.for_operator} messages lie on the shelf"
        if kept.shelved >= self._most * _NEARLY:
            return f"the shelf is nearly full: {kept.shelved} messages of {self._most}"
        return ""

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except DATABASE_TROUBLE as error:
                # What was seen last holds; the next look may go better.
                await self._outage.wait(error)
            else:
                self._outage.over()
            await asyncio.sleep(self._every)
