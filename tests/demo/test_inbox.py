"""The demo's inbox answers and bounces mail as the outside world would."""

import email
import email.policy

import aiohttp
from aiohttp.test_utils import TestServer

from demo import inbox
from demo.inbox import Inbox, mail_server
from hub.settings import Listen
from tests.mail.test_bounces import to_choice
from tests.support.running_hub import House


async def test_a_mail_is_answered_and_bounced_over_smtp(house_on_sqlite: House) -> None:
    """An answer goes to Reply-To and quotes the mail; a bounce goes from nobody to the envelope sender (RFC 3464)."""
    house, came_back = house_on_sqlite, Inbox()
    member = await house.people.member(contacts=("home",))
    async with house.person() as person:
        await to_choice(person, member, "en")
        await person.press("OK", way=person.option("home"))
    letter = await house.inbox.next_to("taro0@mail.test")
    async with (
        mail_server(came_back) as port,
        TestServer(inbox.application(house.inbox, Listen("127.0.0.1", port))) as at,
        aiohttp.ClientSession() as client,
    ):
        for what, text in (("answer", "はい"), ("bounce", "")):
            async with client.post(at.make_url(f"/{letter.number}/{what}"), data={"text": text}) as page:
                assert "250" in await page.text()
        foreign = {"Sec-Fetch-Site": "cross-site"}
        async with client.post(at.make_url(f"/{letter.number}/bounce"), headers=foreign) as page:
            assert page.status == 404
    answer, report = came_back.received
    assert answer.recipient == "tegata@portal.test"
    assert answer.text.startswith("はい")
    assert "> Your one-time password" in answer.text
    assert answer.message["In-Reply-To"] == letter.message["Message-ID"]
    assert (report.sender, report.recipient) == ("<>", letter.sender)
    parts = list(email.message_from_bytes(report.content, policy=email.policy.default).walk())
    assert parts[0].get_content_type() == "multipart/report"
    assert [part["Status"] for part in parts if part["Status"]] == ["5.1.1"]
