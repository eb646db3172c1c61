"""Modals, triggers, response URLs and shortcuts of the stand-in, as Slack has them."""

from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from demo.slack.faults import Break
from demo.slack.stand_in import standing_in
from tests.support.slack_app import app_in, client_of, field, modal, refused, words

BAD_VIEWS = {
    "title of 25": modal(title=words("x" * 25)),
    "no submit": modal(field("a", "A"), submit=None),
    "metadata of 3001": modal(private_metadata="x" * 3001),
    "101 blocks": modal(*([{"type": "divider"}] * 101)),
    "callback of 256": modal(callback_id="x" * 256),
    "a home": {"type": "home", "blocks": []},
}


@pytest.mark.parametrize("view", BAD_VIEWS.values(), ids=BAD_VIEWS.keys())
async def test_views_beyond_slacks_limits_are_refused(view: dict[str, Any]) -> None:
    """The same for modals; nothing opens, and the trigger is still good."""
    async with standing_in() as slack:
        trigger = slack.core.passes.trigger("UTARO", now=slack.core.now())
        assert await refused(client_of(slack).views_open(trigger_id=trigger, view=view)) == "invalid_arguments"
        assert not slack.views("UTARO")
        await client_of(slack).views_open(trigger_id=trigger, view=modal())
        assert slack.views("UTARO")


async def test_a_trigger_lives_three_seconds_and_opens_one_modal() -> None:
    """Used twice, too late, or of nobody: refused."""
    async with standing_in() as slack:
        client = client_of(slack)
        trigger = slack.core.passes.trigger("UTARO", now=slack.core.now())
        opened = await client.views_open(trigger_id=trigger, view=modal())
        assert await refused(client.views_open(trigger_id=trigger, view=modal())) == "exchanged_trigger_id"
        assert await refused(client.views_open(trigger_id="1.2.3", view=modal())) == "invalid_arguments"
        late = slack.core.passes.trigger("UTARO", now=slack.core.now())
        slack.core.ahead = timedelta(seconds=3.1)
        assert await refused(client.views_open(trigger_id=late, view=modal())) == "expired_trigger_id"
        view_id, seen = opened["view"]["id"], opened["view"]["hash"]
        assert await refused(client.views_update(view_id=view_id, hash="x", view=modal())) == "hash_conflict"
        await client.views_update(view_id=view_id, hash=seen, view=modal(title=words("Second")))
        assert slack.views("UTARO")[-1].title == "Second"
        await slack.close("UTARO", view_id)
        assert await refused(client.views_update(view_id=view_id, view=modal())) == "not_found"
        assert await refused(client.views_publish(user_id="UNOBODY", view={"type": "home", "blocks": []})) == (
            "invalid_arguments"
        )


async def test_a_response_url_is_good_five_times_in_half_an_hour() -> None:
    """It adds, replaces and deletes; the sixth use and a late one are refused."""
    async with app_in("sockets") as (slack, _), aiohttp.ClientSession() as session:
        await slack.slash("UTARO", "/try")
        message = await slack.next_message("UTARO")
        url = (await slack.press("UTARO", message.ts, "nothing-listens")) if False else ""
        told = await slack.press("UTARO", message.ts, "approve")
        url = str(told.envelope.payload["response_url"])

        async def answer(**said: Any) -> int:
            async with session.post(url, json=said) as answered:
                return answered.status

        assert await answer(replace_original=True, text="replaced") == 200
        assert (message.text, message.blocks) == ("replaced", [])
        assert await answer(text="for you") == 200
        assert slack.ephemerals("UTARO")[-1].text == "for you"
        assert await answer(text="for all", response_type="in_channel") == 200
        assert slack.messages("UTARO")[-1].text == "for all"
        assert await answer(text="") == 400
        assert await answer(delete_original=True) == 200
        assert message not in slack.messages("UTARO")
        assert await answer(text="one more") == 404
        url = str((await slack.slash("UTARO", "/try")).envelope.payload["response_url"])
        slack.faults.next_calls("response_url", Break(500))
        assert await answer(text="broken") == 500
        slack.core.ahead = timedelta(minutes=31)
        assert await answer(text="late") == 404


async def test_a_modal_answers_with_another_and_stacks_three_deep() -> None:
    """Update, push and clear do what Slack does with them; the fourth of a stack is refused."""
    async with app_in("sockets") as (slack, client):
        await slack.open_home("UTARO")
        await slack.press("UTARO", (await slack.next_home("UTARO")).id, "approve")
        view = await slack.next_view("UTARO")
        client.on_view = lambda _view: {"response_action": "update", "view": modal(title=words("Second"))}
        await slack.submit("UTARO", view.id, {"digits": "1"})
        assert (view.title, view.is_open) == ("Second", True)
        client.on_view = lambda _view: {"response_action": "push", "view": modal(title=words("Above"))}
        await slack.submit("UTARO", view.id)
        above = slack.views("UTARO")[-1]
        assert (above.title, above.previous_id, above.root_id) == ("Above", view.id, view.id)
        await slack.submit("UTARO", above.id)
        top = slack.views("UTARO")[-1]
        await slack.submit("UTARO", top.id)
        assert "push_limit_reached" in top.errors[""]
        client.on_view = lambda _view: {"response_action": "clear"}
        await slack.submit("UTARO", top.id)
        assert not slack.views("UTARO")


async def test_a_modals_fields_arrive_as_slack_writes_them() -> None:
    """Text, radio buttons, a menu, ticks: their state before, what is chosen, what is missing."""
    options = [{"text": words(text), "value": text} for text in ("one", "two")]
    async with app_in("sockets") as (slack, client):
        client.view = modal(
            field("name", "Name", element={"type": "plain_text_input", "min_length": 2}),
            field(
                "radio", "Radio", element={"type": "radio_buttons", "options": options, "initial_option": options[0]}
            ),
            field("menu", "Menu", element={"type": "static_select", "options": options}),
            field("ticks", "Ticks", element={"type": "checkboxes", "options": options}, optional=True),
            notify_on_close=True,
        )
        await slack.open_home("UTARO")
        await slack.press("UTARO", (await slack.next_home("UTARO")).id, "approve")
        view = await slack.next_view("UTARO")
        assert view.values["radio"]["radio"]["selected_option"]["value"] == "one"
        told = await slack.submit("UTARO", view.id, {"name": "x"})
        assert (told.error, sorted(view.errors)) == ("not_sent", ["menu", "name"])
        seen: list[dict[str, Any]] = []
        client.on_view = lambda sent: seen.append(sent) or {}  # type: ignore[func-returns-value]
        await slack.submit("UTARO", view.id, {"name": "自宅", "menu": "two", "ticks": ["one", "two"]})
        values = seen[0]["state"]["values"]
        assert values["name"]["name"] == {"type": "plain_text_input", "value": "自宅"}
        assert values["menu"]["menu"]["selected_option"]["value"] == "two"
        assert [one["value"] for one in values["ticks"]["ticks"]["selected_options"]] == ["one", "two"]


async def test_a_modal_that_is_closed_tells_the_app_that_asked_to_know() -> None:
    """view_closed with notify_on_close, silence without."""
    async with app_in("sockets") as (slack, client):
        closed: list[dict[str, Any]] = []

        @client.bolt.view_closed("m")
        async def hear(ack: Any, body: dict[str, Any]) -> None:
            closed.append(body)
            await ack()

        await slack.open_home("UTARO")
        home = (await slack.next_home("UTARO")).id
        for notify in (True, False):
            client.view = modal(notify_on_close=notify)
            await slack.press("UTARO", home, "approve")
            told = await slack.close("UTARO", (await slack.next_view("UTARO")).id)
            assert (told is not None) is notify
        assert len(closed) == 1
        assert closed[0]["is_cleared"] is False


async def test_shortcuts_arrive_as_slack_sends_them() -> None:
    """A global one and a message's, each with leave to open a modal."""
    async with app_in("sockets") as (slack, client):
        used: list[dict[str, Any]] = []

        async def hear(ack: Any, body: dict[str, Any]) -> None:
            await ack()
            used.append(body)

        client.bolt.shortcut("add")(hear)
        client.bolt.message_shortcut("look")(hear)
        await slack.slash("UTARO", "/try")
        message = await slack.next_message("UTARO")
        assert (await slack.shortcut("UTARO", "add")).is_acknowledged
        assert (await slack.shortcut("UTARO", "look", ts=message.ts)).is_acknowledged
        assert [one["type"] for one in used] == ["shortcut", "message_action"]
        assert used[1]["message"]["metadata"]["event_payload"] == {"id": "7"}
