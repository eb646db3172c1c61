"""The pages of cards and kiosks in a real Chromium: axe finds nothing, none is wider than 320 pixels."""

from pathlib import Path

import pytest

from hub.cards import uid_cards
from reader_kiosk.hub_client import Named
from tests.e2e.test_browser import Walk, walking
from tests.support.kiosk_hub import ORIGIN, START, Counter, Proof, counter_with, sqlite_copy

UID = "04A1B2C3D4E5F6"


async def go_in(walk: Walk, counter: Counter, code: str, proof: Proof) -> None:
    """Let the browser in as the kiosk's page would, so that it holds the cookies."""
    filled = {"admission_code": code, "proof": proof.proof}
    url = f"{counter.house.url}/kiosk/admit"
    await walk.page.context.request.post(url, form=filled, headers={"Origin": ORIGIN})


@pytest.mark.parametrize(("language", "dark"), [("en", False), ("ja", True)])
async def test_the_pages_of_cards_and_kiosks(sqlite_template: Path, tmp_path: Path, language: str, dark: bool) -> None:
    """Settings by card, new password, new matrix card, all ways open, binding, named by a number, over."""
    async with counter_with(sqlite_copy(sqlite_template, tmp_path), tmp_path, uid_cards=True) as counter:
        house, proof = counter.house, Proof()
        member = await house.people.member(contacts=("自宅",))
        card = counter.issuer.card("taro")
        await counter.bound(member, card)
        await uid_cards.bind_for(house.hub, house.people.visit(), "taro", UID)
        async with walking(house, language, dark=dark) as walk:
            page = walk.page
            await page.goto("/login/ic-card")
            await walk.at("ic-card")
            admission = await counter.admission(card, proof)
            await go_in(walk, counter, admission.admission_code, proof)
            await page.goto("/settings")
            await walk.at("settings")
            await page.locator("a[href='/settings/ic-card']").click()
            await walk.at("ic-cards")
            await page.goto("/settings/password")
            await walk.at("new-password")
            await page.locator("#password").fill("another horse battery")
            await page.locator("#again").fill("another horse battery")
            await page.locator("main button.main").click()
            await walk.at("password-set")
            await page.goto("/settings/matrix/new")
            await walk.at("new-matrix")
            await page.locator("main button.main").click()
            await walk.at("matrix-card")
            await page.goto("/settings")
            await page.locator("form[action='/settings/unlock'] button").click()
            await walk.at("unlocked")
            named = await counter.client.name(bytes.fromhex(UID), browser=proof.digest, return_url=START)
            assert isinstance(named, Named)
            await go_in(walk, counter, named.admission.admission_code, proof)
            await page.goto("/login/account")
            await walk.at("account")
            await page.set_content(f"<form method=post action='{house.url}/kiosk/admit'><button>go</button></form>")
            await page.get_by_role("button", name="go").click()
            await walk.at("kiosk-over")
