"""The local page's door: who may talk to it, what it says, and in which words."""

import asyncio
import json
from datetime import timedelta

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from reader_kiosk import messages
from reader_kiosk.hub_client import Admission, Reason
from reader_kiosk.local_server import Page
from reader_kiosk.screen import (
    Admitting,
    CardForgotten,
    Checking,
    Ended,
    Idle,
    NotNow,
    OutOfOrder,
    PinAsked,
    Reading,
    Trouble,
)
from reader_kiosk.ui_state import Desk, PinTyped
from tests.support.ports import free_port

HUB = "https://portal.example"


@pytest.fixture
async def page():
    """A page that is served, with its desk."""
    port = free_port()
    desk = Desk("ja", remind_after=timedelta(seconds=20), idle_after=timedelta(seconds=60))
    made = Page(desk, origin=f"http://127.0.0.1:{port}", hub=HUB)
    async with TestServer(made.application(), host="127.0.0.1", port=port):
        yield made, desk


@pytest.fixture
async def http():
    """A program of this machine."""
    async with aiohttp.ClientSession() as session:
        yield session


def split(page: Page) -> tuple[str, str]:
    """Give the page's origin and token."""
    origin, _, token = page.url.partition("/#")
    return origin, token


async def test_the_page_loads_nothing_from_elsewhere_and_is_kept_nowhere(page, http):
    """Its policy names itself and, for the one form, the hub; no other page may read it."""
    origin, _ = split(page[0])
    async with http.get(f"{origin}/") as response:
        headers, text = response.headers, await response.text()
    assert f"form-action {HUB};" in headers["Content-Security-Policy"]
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
    assert headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in headers
    assert "style=" not in text
    assert "onclick" not in text


async def test_an_admission_is_told_to_the_page_that_drew_its_proof(page, http):
    """A page that comes later, as after a reload, waits, whatever changes; the next admission is its own."""
    made, desk = page
    origin, token = split(made)
    first = await http.ws_connect(f"{origin}/line", origin=origin)
    await first.send_str(token)
    assert (await first.receive_json())["screen"] == "idle"
    desk.show(Admitting("A", Admission(f"{HUB}/kiosk/admit", "one")))
    assert (await first.receive_json())["admission"]["admission_code"] == "one"
    second = await http.ws_connect(f"{origin}/line", origin=origin)
    await second.send_str(token)
    for _ in range(2):
        told = await second.receive_json()
        assert told["screen"] == "working"
        assert "admission" not in told
        desk.speak("en")
    await second.receive_json()
    desk.show(Admitting("B", Admission(f"{HUB}/kiosk/admit", "two")))
    assert (await second.receive_json())["admission"]["admission_code"] == "two"


async def test_a_page_that_hangs_up_at_once_leaves_no_trace_in_the_log(page, caplog):
    """A browser that loads the page twice closes the first line before it is answered."""
    origin, _ = split(page[0])
    host, port = origin.removeprefix("http://").split(":")
    upgrade = f"Host: {host}:{port}\r\nOrigin: {origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    for _ in range(20):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET /line HTTP/1.1\r\n{upgrade}{key}\r\n".encode())
        writer.close()
        await reader.read()
    assert not caplog.records, caplog.text


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://127.0.0.1:1", None])
async def test_a_page_from_elsewhere_gets_no_line(page, http, origin):
    """Another page in the same browser can't drive this one, though it reaches the port."""
    ours, token = split(page[0])
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await http.ws_connect(f"{ours}/line", origin=origin)
    assert refused.value.status == 403
    assert token not in str(refused.value)


async def test_another_name_for_this_machine_is_not_ours(page, http):
    """A stranger's name that was made to lead to 127.0.0.1."""
    origin, _ = split(page[0])
    async with http.get(f"{origin}/", headers={"Host": "rebound.example"}) as response:
        assert response.status == 421


@pytest.mark.parametrize("token", ["", "wrong", "{}"])
async def test_without_the_token_nothing_is_said_or_heard(page, http, token):
    """Any program of this machine can reach the port; only the browser that was started knows the token."""
    made, desk = page
    origin, _ = split(made)
    desk.show(PinAsked("手形 太郎", 2))
    line = await http.ws_connect(f"{origin}/line", origin=origin)
    await line.send_str(token)
    await line.send_str(json.dumps({"act": "pin", "pin": "123456"}))
    message = await line.receive()
    assert message.type is aiohttp.WSMsgType.CLOSE
    assert message.data == 4003


async def test_with_the_token_the_screen_is_told_and_the_pin_heard(page, http):
    """And no PIN can be read in what is shown of it."""
    made, desk = page
    origin, token = split(made)
    desk.show(PinAsked("手形 太郎", 2))
    line = await http.ws_connect(f"{origin}/line", origin=origin)
    await line.send_str(token)
    told = json.loads(await line.receive_str(timeout=5))
    assert told["screen"] == "pin"
    await line.send_str(json.dumps({"act": "pin", "pin": "123456"}))
    heard = await asyncio.wait_for(desk.act(), 5)
    assert isinstance(heard, PinTyped)
    assert heard.pin == b"123456"
    assert "123456" not in repr(heard)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"act": "open"}',
        '{"act": "pin", "pin": 123456}',
        '{"act": "pin", "pin": "1234567890"}',
        '{"act": "proof", "browser": "short"}',
        '{"act": "language", "language": "fr"}',
        '{"act": "touch", "more": 1}',
    ],
)
async def test_what_is_no_act_is_not_heard(page, http, text):
    """Nonsense neither ends the line nor does anything; what comes after it is heard."""
    made, desk = page
    origin, token = split(made)
    line = await http.ws_connect(f"{origin}/line", origin=origin)
    await line.send_str(token)
    await line.receive_str(timeout=5)
    await line.send_str(text)
    await line.send_str(json.dumps({"act": "pin", "pin": "654321"}))
    heard = await asyncio.wait_for(desk.act(), 5)
    assert isinstance(heard, PinTyped)
    assert heard.pin == b"654321"
    assert not desk._page.done()


async def test_a_new_page_takes_the_old_ones_place(page, http):
    """One browser at a time: what was open before hears no more."""
    made, _ = page
    origin, token = split(made)
    first = await http.ws_connect(f"{origin}/line", origin=origin)
    await first.send_str(token)
    await first.receive_str(timeout=5)
    second = await http.ws_connect(f"{origin}/line", origin=origin)
    await second.send_str(token)
    assert json.loads(await second.receive_str(timeout=5))["screen"] == "idle"
    assert (await first.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE


async def test_the_proof_is_the_pages_own(page, http):
    """Whose digest goes to the hub is the page that is open now; without one nobody is let in."""
    made, desk = page
    origin, token = split(made)
    for letter in ("A", "B"):
        line = await http.ws_connect(f"{origin}/line", origin=origin)
        await line.send_str(token)
        await line.send_str(json.dumps({"act": "proof", "browser": letter * 43}))
        async with asyncio.timeout(5):
            while await desk.browser() != letter * 43:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("why", [*Reason, *Trouble])
def test_every_refusal_has_its_words(why, language):
    """In both languages, each a whole sentence, none with a place that was not filled in."""
    sign = "。" if language == "ja" else "."
    said = messages.shown(NotNow(why), language)
    assert said.error.endswith(sign)
    assert said.title
    assert said.text.endswith(sign)
    said = messages.shown(OutOfOrder(why, 60), language)
    assert said.text.endswith(sign)
    assert "{" not in said.text


@pytest.mark.parametrize(
    ("screen", "ja", "en"),
    [
        (Idle(), "ICカードをリーダーに置いてください", "Place your IC card on the reader"),
        (Reading(), "カードを読み取っています", "Reading the card"),
        (PinAsked("A{tries}B", 2), "A{tries}B さん", "A{tries}B"),
        (Checking("A"), "A さん", "A"),
        (Admitting("A", Admission("", "")), "A さん", "A"),
        *((CardForgotten(why), "カードをお取りください", "Please take your card") for why in Ended),
    ],
)
def test_every_screen_has_its_words(screen, ja, en):
    """In both languages; a name is shown as it is, whatever signs it has."""
    assert messages.shown(screen, "ja").title == ja
    assert messages.shown(screen, "en").title == en


@pytest.mark.parametrize(("tries", "said"), [(2, "You can try 2 more times here."), (1, "You can try once more here.")])
def test_a_wrong_pin_says_how_often_it_may_be_tried_here(tries, said):
    """The last try of the card is not among them."""
    assert messages.shown(PinAsked("A", tries, is_wrong=True), "en").error.endswith(said)
