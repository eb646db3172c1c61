"""The bot's door: whose requests are heard, what it logs, and what an operator is told before it starts."""

import asyncio
import logging
import re
import time
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest
import structlog

from bot.app import PATH
from bot.dispatch import Source
from bot.routes import LISTENERS
from cli.server.log_setup import redact
from cli.server.startup_checks import missing, unsafe
from demo.slack.faults import Break, Drop, Refuse
from demo.slack.http_mode import signature
from hub.domain.errors import SettingsError
from hub.settings import Settings, described, load
from models.slack import SlackHeard, SlackLink
from tests.support.paths import ROOT
from tests.support.slack_hub import TEAM, Chat, code_in, copy_of, link_in, open_chat

FORM = "application/x-www-form-urlencoded"
GIVEN = {"origin": "https://portal.test", "mail_from": "t@portal.test", "slack_bot_token": "xoxb-1-2-abcdef"}


def _command(text: str = "link", trigger: str = "1.2.3") -> str:
    return urlencode(
        {"command": "/tegata", "text": text, "team_id": TEAM, "user_id": "UTARO", "trigger_id": trigger, "token": "x"}
    )


async def _posted(chat: Chat, body: str, *, secret: str = "", ago: int = 0, sign: str = "") -> int:
    at = str(int(time.time()) - ago)
    headers = {
        "Content-Type": FORM,
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": sign or signature(secret or chat.slack.signing_secret, at, body),
    }
    assert chat.slack.urls is not None
    url = chat.slack.urls.commands
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as told:
        return told.status


async def test_forged_and_replayed_requests_are_refused(sqlite_template: Path, tmp_path: Path) -> None:
    """Another secret, no or a changed signature, more than five minutes old: refused; the same again: no effect."""
    async with open_chat(copy_of(sqlite_template, tmp_path), tmp_path, mode="http") as chat:
        for wrong in ({"secret": "0" * 32}, {"ago": 301}, {"ago": -301}, {"sign": "v0=" + "0" * 64}, {"sign": "x"}):
            assert await _posted(chat, _command(), **wrong) == 401  # type: ignore[arg-type]
        assert chat.slack.urls is not None
        async with aiohttp.ClientSession() as session:
            async with session.post(chat.slack.urls.commands, data=_command(), headers={"Content-Type": FORM}) as told:
                assert told.status == 401
            async with session.get(chat.slack.urls.commands) as told:
                assert told.status == 405
        assert not await SlackHeard.exists()
        assert [await _posted(chat, _command()) for _ in range(3)] == [200] * 3
        async with asyncio.timeout(5):
            while not await SlackLink.exists():
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        assert await SlackHeard.all().count() == 1
        assert await SlackLink.all().count() == 1
        # A request whose body was changed on the way is no longer Slack's.
        at = str(int(time.time()))
        sign = signature(chat.slack.signing_secret, at, _command())
        assert await _posted(chat, _command("unlink"), sign=sign) == 401


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe", FORM),
        (b"{", "application/json"),
        (b"[1]", "application/json"),
        (b"payload=%7B", FORM),
        (b"payload=[1]", FORM),
        (b'{"a":' * 50_000, "application/json"),
        (b"text=x", "text/plain; charset=no-such-thing"),
    ],
)
async def test_what_cant_be_read_is_refused_before_it_troubles_anybody(
    sqlite_template: Path, tmp_path: Path, body: bytes, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A stranger's bytes without a signature are answered with 400 or 401 and fill no log with tracebacks."""
    async with open_chat(copy_of(sqlite_template, tmp_path), tmp_path, mode="http") as chat:
        assert chat.slack.urls is not None
        async with (
            aiohttp.ClientSession() as session,
            session.post(chat.slack.urls.commands, data=body, headers={"Content-Type": kind}) as told,
        ):
            assert told.status in {400, 401}
            assert await told.text() in {"", '{"error": "invalid request"}'}
    assert not [one for one in caplog.records if one.exc_info]


async def test_slack_may_ask_whose_url_it_is(sqlite_template: Path, tmp_path: Path) -> None:
    """The challenge by which Slack makes sure of an address for events is given back, and only to Slack."""
    async with open_chat(copy_of(sqlite_template, tmp_path), tmp_path, mode="http") as chat:
        assert chat.slack.urls is not None
        assert await chat.slack.poster.verify(chat.slack.urls.events, "x")
        chat.slack.poster.secret = "0" * 32
        assert not await chat.slack.poster.verify(chat.slack.urls.events, "x")


@pytest.mark.parametrize(
    "body",
    ["", "payload=%00", "payload={}", "payload=[]", "payload=null", "[]", "null", "{", "command=/tegata", "\x00"],
)
async def test_nonsense_that_is_signed_ends_nothing(sqlite_template: Path, tmp_path: Path, body: str) -> None:
    """What Slack never sends gets an answer, and the bot goes on."""
    async with open_chat(copy_of(sqlite_template, tmp_path), tmp_path, mode="http") as chat:
        assert await _posted(chat, body) < 600
        assert (await chat.slack.slash("UTARO", "/tegata", "help")).is_acknowledged


async def test_no_log_holds_a_token_a_code_or_a_url(
    sqlite_template: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """With everything logged, through trouble of each kind, neither ours nor the libraries' lines have a secret."""
    caplog.set_level(logging.DEBUG)
    structlog.reset_defaults()
    async with open_chat(copy_of(sqlite_template, tmp_path), tmp_path) as chat:
        member = await chat.linked()
        chat.slack.faults.next_calls("conversations.open", Drop())
        chat.slack.faults.next_calls("chat.postMessage", Refuse("fatal_error"))
        await chat.asked_for_code(member)
        message = await chat.next_code()
        code = code_in(message)
        await chat.slack.slash("UHANAKO", "/tegata", "link")
        token = link_in(await chat.slack.next_ephemeral("UHANAKO")).rpartition("/")[2]
        chat.slack.faults.next_calls("apps.connections.open", Refuse("internal_error"))
        chat.slack.faults.next_calls("users.info", Break())
        await chat.slack.sockets.drop()
        await chat.slack.slash("UTARO", "/tegata", f"say {code}")
        await chat.slack.press("UTARO", message.ts, "not-me")
        await chat.slack.next_update(message)
        secrets = [chat.slack.bot_token, chat.slack.app_token, token]
    ours = "\n".join(line for line in caplog.text.splitlines() if "aiosqlite" not in line and "asyncio" not in line)
    told = ours + capsys.readouterr().out
    assert "slack.not_accepted" in told
    assert [one for one in secrets if one in told] == []
    assert code not in told.split()
    assert "ticket=" not in told
    assert "hooks" not in told


def test_what_is_logged_by_mistake_is_hidden() -> None:
    """A Slack token or a socket's ticket in whatever text becomes a mark."""
    for secret in ("xoxb-123-456-abcDEF", "xapp-1-A1-2-feed", "wss://x.test/link/?ticket=abc-def&app_id=1"):
        line = redact(structlog.get_logger(), "info", {"event": f"said {secret} twice"})
        assert "(token)" in line["event"]
        assert not any(part in line["event"] for part in ("456-abc", "feed", "abc-def"))


def test_settings_show_no_secret_of_slacks() -> None:
    """`tegata settings` shows that a token is set, and nothing of it."""
    shown = {name: value for name, value, _ in described(load({}, **GIVEN, slack_signing_secret="feed"))}
    assert shown["TEGATA_SLACK_BOT_TOKEN"] == shown["TEGATA_SLACK_SIGNING_SECRET"] == "(hidden)"
    assert shown["TEGATA_SLACK_APP_TOKEN"] == ""
    assert "xoxb" not in repr(load({}, **GIVEN))


def test_secrets_may_stand_in_files(tmp_path: Path) -> None:
    """`…_FILE` names one for each of the three."""
    file = tmp_path / "token"
    file.write_text("xoxb-1\n")
    read = load({"TEGATA_SLACK_BOT_TOKEN_FILE": str(file), "TEGATA_SLACK_APP_TOKEN_FILE": str(file)})
    assert (read.slack_bot_token, read.slack_app_token, read.has_slack) == ("xoxb-1", "xoxb-1", True)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"slack_bot_token": ""}, "TEGATA_SLACK_BOT_TOKEN is not set"),
        ({}, "TEGATA_SLACK_SIGNING_SECRET is not set"),
        ({"slack_mode": "socket"}, "TEGATA_SLACK_APP_TOKEN is not set"),
        ({"slack_mode": "http", "slack_app_token": "xapp-1"}, "TEGATA_SLACK_SIGNING_SECRET is not set"),
    ],
)
def test_what_the_bot_cant_do_without_is_named(more: dict[str, str], words: str) -> None:
    """Asked to run without a token, or without what its mode needs, it says which setting is missing."""
    told = list(missing(load({}, **{**GIVEN, **more}), ("bot",)))
    assert [line for line in told if words in line]


@pytest.mark.parametrize("half", [{"slack_app_token": "xapp-1"}, {"slack_signing_secret": "feed"}])
def test_half_of_slacks_settings_start_no_hub_without_a_bot(half: dict[str, str]) -> None:
    """Without the bot's token the door would be left out, and nobody told."""
    (told,) = missing(load({}, **{**GIVEN, "slack_bot_token": ""}, **half), ("web", "mail_gateway"))
    assert "TEGATA_SLACK_BOT_TOKEN is not set" in told


def test_nothing_is_missing_without_a_bot() -> None:
    """No Slack settings, no door, no word about it; with them, both modes are complete."""
    assert list(missing(load({}, **{**GIVEN, "slack_bot_token": ""}), ("web", "mail_gateway"))) == []
    assert list(missing(load({}, **GIVEN, slack_app_token="xapp-1"), ("bot",))) == []
    assert list(missing(load({}, **GIVEN, slack_signing_secret="feed"), ("bot",))) == []


def test_tokens_dont_go_over_plain_http_in_production(tmp_path: Path) -> None:
    """A Slack elsewhere without TLS is refused; on this machine it is a stand-in."""

    def told(settings: Settings) -> list[str]:
        return [line for line in unsafe(settings) if "SLACK" in line]

    assert told(load({}, **GIVEN, slack_api_url="http://slack.test/api"))
    for good in ("https://slack.test/api/", "http://127.0.0.1:8084/api/", "http://localhost:1/api/"):
        assert told(load({}, **GIVEN, slack_api_url=good)) == []
    for bad in ("slack.com", "ftp://slack.com/api/", "https:///api", "https://slack.com/api/?x=1"):
        with pytest.raises(SettingsError, match="TEGATA_SLACK_API_URL"):
            load({}, slack_api_url=bad)


def test_the_manifest_asks_for_what_the_bot_listens_to_and_no_more() -> None:
    """Each command, shortcut and event that is listened to stands in it and no other; each scope has its reason."""
    yaml = (ROOT / "docs/slack-manifest.yaml").read_text(encoding="utf-8")
    page = (ROOT / "docs/slack.md").read_text(encoding="utf-8")
    names = {source: {one.name for one in LISTENERS if one.source is source} for source in Source}
    assert {f"command: {name}" for name in names[Source.COMMAND]} == set(re.findall(r"- (command: \S+)", yaml))
    assert names[Source.SHORTCUT] == set(re.findall(r"callback_id: (\S+)", yaml))
    # Messages come as one kind of event, and are subscribed to by where they are written.
    subscribed = {"message" if name == "message.im" else name for name in _listed(yaml, "bot_events")}
    assert names[Source.EVENT] == subscribed
    scopes = _listed(yaml, "bot")
    assert {"commands", "chat:write", "im:write", "im:history", "users:read"} == set(scopes)
    assert all(f"| `{scope}` |" in page for scope in scopes)
    assert yaml.count(f"https://portal.example.ac.jp{PATH}") == 3


def _listed(yaml: str, key: str) -> list[str]:
    found = re.search(rf"^ +{key}:\n((?: +(?:- \S+|#.*)\n)+)", yaml, re.MULTILINE)
    assert found
    return re.findall(r"- (\S+)", found[1])
