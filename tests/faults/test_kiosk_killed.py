"""A hub that is killed while somebody is at a kiosk: what it said holds, and nothing counts twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from hub.settings import Settings
from reader_kiosk import hub_client
from reader_kiosk.hub_client import Admission, HubClient, Refused
from tests.support.hub_process import Child, serving
from tests.support.kiosk_hub import Counter, Proof, counter_with, go_in
from tests.support.running_hub import Person

pytestmark = pytest.mark.slow


@dataclass
class Killed:
    """A counter whose hub runs for as long as one step takes, and then dies."""

    counter: Counter
    settings: Settings
    cookies: aiohttp.CookieJar

    @asynccontextmanager
    async def hub(self) -> AsyncIterator[tuple[Counter, Person]]:
        """Start the hub; gives what the kiosk does there, and the kiosk's browser; then kill the hub."""
        issuer = {f"TEGATA_{name.upper()}": str(value) for name, value in self.counter.issuer.settings.items()}
        async with (
            serving(self.settings, smtp_port=9, doors=("web",), TEGATA_METRICS_LISTEN="", **issuer) as child,
            hub_client.line(None) as http,
            aiohttp.ClientSession(cookie_jar=self.cookies) as session,
        ):
            yield self._at(child, http), Person(child.url, session)
            await child.kill()

    def _at(self, child: Child, http: aiohttp.ClientSession) -> Counter:
        identity = replace(self.counter.identity, hub=child.url)
        return replace(self.counter, identity=identity, client=HubClient(http, identity, lambda: datetime.now(UTC)))


async def test_a_hub_killed_after_each_step_keeps_its_word_and_gives_nothing_twice(
    database_url: str, tmp_path: Path
) -> None:
    """Begun, answered, let in, ended: each by a hub that knows of the step before from its rows alone."""
    async with counter_with(database_url, tmp_path) as counter:
        issued = counter.issuer.card()
        await counter.bound(await counter.house.people.member(), issued)
        killed = Killed(counter, counter.house.hub.settings, aiohttp.CookieJar(unsafe=True))
    proof = Proof()
    async with killed.hub() as (kiosk, _):
        begun = await kiosk.begun(issued)
    async with killed.hub() as (kiosk, _):
        admission = await kiosk.answered(issued, begun, proof=proof)
        assert isinstance(admission, Admission), admission
    async with killed.hub() as (kiosk, browser):
        assert isinstance(await kiosk.answered(issued, begun, proof=proof), Refused)
        await go_in(browser, admission, proof)
        assert browser.page == "portal", browser.text
    async with killed.hub() as (kiosk, browser):
        await browser.open("/portal")
        assert browser.page == "portal"
        async with aiohttp.ClientSession() as session:
            other = Person(browser.url, session)
            await go_in(other, admission, proof)
            assert other.page == "kiosk-over"
        await kiosk.client.end(begun.login_id)
    async with killed.hub() as (_, browser):
        await browser.open("/portal")
        assert browser.page == "login"
