"""What is no request, or never reaches a page: it gets a page of ours all the same, and a short line in the log."""

import asyncio
import logging
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup, Tag
from structlog import DropEvent
from structlog.testing import capture_logs

from cli.server.bounded_log import Bound, Events, Records
from cli.server.process import running
from tests.support.factory import settings_for
from tests.support.ports import free_port
from tests.support.running_hub import House
from tests.support.slack_hub import copy_of

HEAD = "Host: x\r\nAccept-Language: ja\r\n"
FORM = f"{HEAD}Content-Type: application/x-www-form-urlencoded\r\n"
COOKIES = "Cookieを削除して"
# What is sent, in parts; the status and the page that come back, and a word on it.
NO_REQUESTS = {
    "20 kB of cookies": (
        (f"GET / HTTP/1.1\r\n{HEAD}Cookie: x={'a' * 20_000}\r\n\r\n",),
        431,
        "head-too-large",
        COOKIES,
    ),
    "a field of 20 kB": ((f"GET / HTTP/1.1\r\n{HEAD}X-A: {'a' * 20_000}\r\n\r\n",), 431, "head-too-large", COOKIES),
    "cookies in pieces": (
        (f"GET / HTTP/1.1\r\n{HEAD}", "Cookie: x=", "a" * 20_000),
        431,
        "head-too-large",
        COOKIES,
    ),
    "300 fields": (
        (f"GET / HTTP/1.1\r\n{HEAD}{''.join(f'X-{n}: a{chr(13)}{chr(10)}' for n in range(300))}\r\n",),
        431,
        "head-too-large",
        COOKIES,
    ),
    "a URL of 20 kB": ((f"GET /{'a' * 20_000} HTTP/1.1\r\n{HEAD}\r\n",), 414, "url-too-long", "URLが長すぎます"),
    "a URL of 9 kB": ((f"GET /{'a' * 9000} HTTP/1.1\r\n{HEAD}\r\n",), 404, "not-found", ""),
    "no method": ((f"G(T / HTTP/1.1\r\n{HEAD}\r\n",), 400, "bad-request", ""),
    "no version": ((f"GET / HTTP/9.9\r\n{HEAD}\r\n",), 400, "bad-request", ""),
    "no colon": ((f"GET / HTTP/1.1\r\n{HEAD}nothing\r\n\r\n",), 400, "bad-request", ""),
    "two hosts": ((f"GET / HTTP/1.1\r\n{HEAD}Host: y\r\n\r\n",), 400, "bad-request", ""),
    "no host that can be": ((f"GET http://[evil/ HTTP/1.1\r\n{HEAD}\r\n",), 400, "bad-request", ""),
    "a zero byte": ((f"GET /\0 HTTP/1.1\r\n{HEAD}\r\n",), 400, "bad-request", ""),
    "a length below zero": ((f"POST / HTTP/1.1\r\n{FORM}Content-Length: -1\r\n\r\n",), 400, "bad-request", ""),
    "two lengths": (
        (f"POST / HTTP/1.1\r\n{FORM}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",),
        400,
        "bad-request",
        "",
    ),
    "a coding of none": ((f"POST / HTTP/1.1\r\n{FORM}Transfer-Encoding: none\r\n\r\n",), 400, "bad-request", ""),
    "a chunk without a size": (
        (f"POST /login/account HTTP/1.1\r\n{FORM}Transfer-Encoding: chunked\r\n\r\nzz\r\n",),
        400,
        "bad-request",
        "",
    ),
    "a second chunk without a size": (
        (f"POST /login/account HTTP/1.1\r\n{FORM}Transfer-Encoding: chunked\r\n\r\n2\r\na=\r\n", "zz\r\n"),
        400,
        "bad-request",
        "",
    ),
    "gzip that is none": (
        (f"POST /login/account HTTP/1.1\r\n{FORM}Content-Encoding: gzip\r\nContent-Length: 10\r\n\r\n0123456789",),
        400,
        "bad-request",
        "",
    ),
    "a compression that is not known here": (
        (f"POST /login/account HTTP/1.1\r\n{FORM}Content-Encoding: zstd\r\nContent-Length: 1\r\n\r\n0",),
        400,
        "bad-request",
        "",
    ),
    "an expectation": (
        (f"POST / HTTP/1.1\r\n{FORM}Expect: more\r\nContent-Length: 0\r\n\r\n",),
        417,
        "bad-request",
        "",
    ),
    "nine kB of cookies": (
        (f"GET / HTTP/1.1\r\n{HEAD}Connection: close\r\nCookie: x={'a' * 9000}\r\n\r\n",),
        200,
        "login",
        "",
    ),
}


async def _answer(url: str, *parts: str) -> tuple[int, str, str]:
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    for part in parts:
        writer.write(part.encode("latin-1"))
        await writer.drain()
        # So that the parts come one by one.
        await asyncio.sleep(0.02)
    async with asyncio.timeout(5):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = [line for line in head.split("\r\n") if line.lower().startswith("content-length:")]
        body = await reader.readexactly(int(length[0].partition(":")[2])) if length else await reader.read(65536)
    writer.close()
    return int(head.split(" ")[1]), head, body.decode()


async def test_what_is_no_request_gets_a_page_of_ours_in_its_language(
    house_on_sqlite: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Our headers, our words, what to do, no library's name; the log has one short line each and no traceback."""
    for name, (parts, status, page, words) in NO_REQUESTS.items():
        with capture_logs() as told:
            answered, head, body = await _answer(house_on_sqlite.url, *parts)
        soup = BeautifulSoup(body, "html.parser")
        main = soup.find("main")
        assert isinstance(main, Tag), (name, head, body[:200])
        assert (answered, main["data-page"]) == (status, page), name
        assert soup.html is not None
        assert soup.html["lang"] == "ja", name
        assert words in main.get_text(), name
        assert "\r\nServer: Tegata\r\n" in head, name
        for one in ("Content-Security-Policy: default-src 'none'", "Cache-Control: no-store", "X-Frame-Options: DENY"):
            assert one in head, name
        assert "aiohttp" not in (head + body).casefold(), name
        assert not [line for line in told if line["log_level"] != "info" or "exc_info" in line], (name, told)
    assert not caplog.records


async def test_what_was_chosen_as_the_language_is_kept_without_a_request(house_on_sqlite: House) -> None:
    """The switch's cookie goes before what the browser asks for, and English before nothing."""
    for fields, language in (
        ("Accept-Language: ja\r\nCookie: tegata-language=en", "en"),
        ("Cookie: __Host-tegata-language=ja", "ja"),
        ("X: a", "en"),
    ):
        _, _, body = await _answer(house_on_sqlite.url, f"GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\nnothing\r\n\r\n")
        assert f'<html lang="{language}"' in body


async def test_the_page_without_a_request_has_no_form_that_would_fail(house_on_sqlite: House) -> None:
    """A form needs a cookie, and there is none."""
    _, head, body = await _answer(house_on_sqlite.url, "GARBAGE\r\n\r\n")
    assert "<form" not in body
    assert "set-cookie" not in head.casefold()


async def test_no_door_names_its_library(sqlite_template: Path, tmp_path: Path) -> None:
    """Metrics, health and Slack's door, for what they serve, what they don't know and what is no request."""
    watchers, slack = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    given = {"bot_token": "xoxb-1-2-abcdef", "signing_secret": "s" * 32, "teams": "T1", "listen": slack}
    url = copy_of(sqlite_template, tmp_path)
    more = {f"slack_{name}": value for name, value in given.items()}
    async with running(settings_for(url, tmp_path, metrics_listen=watchers, **more), ("bot",)):
        for door in (watchers, slack):
            for asked in ("GET /metrics HTTP/1.1", "GET /nothing HTTP/1.1", "GARBAGE", "POST /slack/events HTTP/1.1"):
                _, head, body = await _answer(f"http://{door}", f"{asked}\r\nHost: x\r\n\r\n")
                assert "\r\nServer: Tegata\r\n" in head, (door, asked)
                assert "aiohttp" not in head + body, (door, asked)


def test_a_flood_of_what_is_no_request_writes_ten_lines_a_minute() -> None:
    """The next line says how many were left out; other events are written as ever."""
    now = [0.0]
    events = Events(Bound(clock=lambda: now[0]))

    def written(name: str) -> dict[str, object] | None:
        try:
            return dict(events(None, "info", {"event": name}))
        except DropEvent:
            return None

    lines = [written("web.malformed") for _ in range(1000)]
    assert len([line for line in lines if line]) == 10
    assert written("web.forged") == {"event": "web.forged"}
    assert written("web.failed") == {"event": "web.failed"}
    now[0] = 60.0
    assert written("web.malformed") == {"event": "web.malformed", "left_out": 990}
    assert written("web.malformed") == {"event": "web.malformed"}


def test_what_a_library_logs_is_bounded_too() -> None:
    """Ten lines a minute of each."""
    records = Records()

    def record(name: str) -> logging.LogRecord:
        return logging.LogRecord(name, logging.ERROR, "", 0, "broken %s", ("pipe",), None)

    assert sum(records.filter(record("asyncio")) for _ in range(100)) == 10
    assert records.filter(record("aiosmtpd"))
