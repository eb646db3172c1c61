"""The signing keys of a hub that runs: those that lie in their folder now, looked for at a calm pace."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from hub.runtime.background import beside
from mail_gateway.outbound import dkim_keys
from mail_gateway.outbound.dkim_keys import DkimKeyError, Signer

# A new pair signs a day after it was made, so a minute is soon enough.
_EVERY = 60.0
Stamp = tuple[tuple[str, int, int], ...]
_log = structlog.get_logger(__name__)


class Renewal:
    """Gives a signer the keys of a folder anew whenever the folder changed."""

    def __init__(self, signer: Signer, folder: Path, *, every: float = _EVERY) -> None:
        self._signer = signer
        self._folder = folder
        self._every = every
        self._seen: Stamp | None = None
        self._trouble = ""

    @property
    def trouble(self) -> str:
        """Why the keys that sign are not those of the folder; empty when they are."""
        return self._trouble

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Renewal"]:
        """Keep looking while this lasts."""
        async with beside(self._run()):
            yield self

    async def look(self) -> None:
        """Look once; what can't be read leaves the signer the keys it has."""
        try:
            stamp = await asyncio.to_thread(_stamp, self._folder)
            if stamp == self._seen:
                return
            keys = await asyncio.to_thread(dkim_keys.load, self._folder)
        except (DkimKeyError, OSError) as error:
            if str(error) != self._trouble:
                _log.error("dkim.not_renewed", error=str(error))
            self._trouble = str(error)
            return
        self._seen = stamp
        self._trouble = "" if keys else f"{self._folder} holds no key, so mail goes out unsigned"
        self._signer.renew(keys)
        _log.info("dkim.renewed", selectors=[key.selector for key in keys])

    async def _run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._every)


def _stamp(folder: Path) -> Stamp:
    """Tell one state of the folder from the next: names, when they were written, who may read them."""
    files = [(path.name, path.stat()) for path in sorted(folder.iterdir())]
    return tuple((name, status.st_mtime_ns, status.st_mode) for name, status in files)
