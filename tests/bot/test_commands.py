"""J4, J6 and J10 in Slack, in both modes and beside a real browser; and what strangers and repeats get there."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import expect

from bot.app import PATH
from demo.slack.faults import Slow
from demo.slack.sending import Dispatched
from demo.slack.stand_in import StandIn, standing_in
from demo.slack.views import View
from demo.slack.workspace import Message
from hub.accounts import accounts
from models.account import Account
from models.contact import Contact
from models.delivery import Delivery
from models.event import Event
from models.kinds import EventKind, Letter
from models.login import Challenge, Login
from models.session import Session
from models.throttle import Throttle
from tests.e2e.test_browser import walking
from tests.support.factory import Member, wrong_for
from tests.support.journeys import enter_password, log_in
from tests.support.running_hub import Person, code_in, open_house, url_in
from tests.support.slack_hub import Chat, copy_of, shown_in, slack_settings
from tests.support.smtp_faults import HANG, Refusing

pytestmark = pytest.mark.slow

WORDS = {
    "en": {
        "add": "add 自宅 taro@example.test",
        "confirm": "confirm {code}",
        "registered": "The contact “自宅” is registered.",
        "notice": "The contact “自宅” was registered.",
        "two digits": "Approve with two digits",
        "approved": "I have approved",
        "rewritten": "This login was approved at",
        "wrong": "That is not the number on the page",
        "locked": "Everything was ended",
    },
    "ja": {
        "add": "追加　自宅　taro@example.test",
        "confirm": "確認 {code}",
        "registered": "連絡先「自宅」を登録しました。",
        "notice": "連絡先「自宅」が登録されました。",
        "two digits": "2桁の数字で承認",
        "approved": "承認しました",
        "rewritten": "に承認されました",
        "wrong": "画面の数字と異なります",
        "locked": "すべて終了しました",
    },
}
# Long enough for what was acknowledged to be done.
_SETTLED = 0.5
SPEAKS = {"en": "UTARO", "ja": "UHANAKO"}
languages = pytest.mark.parametrize("language", ["en", "ja"])


async def _answered(slack: StandIn, user: str, text: str, *, channel: str = "") -> Message:
    """Type a command and read what only this person is shown."""
    before = slack.ephemerals(user)
    told = await slack.slash(user, "/tegata", text, channel=channel)
    assert told.is_acknowledged, told.error
    return await slack.next_ephemeral(user, after=before[-1].ts if before else "")


def _last(slack: StandIn, user: str = "UTARO") -> str:
    return slack.messages(user)[-1].ts


def _seen(view: View) -> str:
    return str(view.content)


async def _to_approval(chat: Chat, person: Person, member: Member, *, user: str = "UTARO") -> Message:
    """Log in as far as the approval, and receive its message."""
    after = _last(chat.slack, user)
    await enter_password(person, member)
    await person.press("OK", way=person.option("Approve with two digits"))
    assert person.page == "approval", person.text
    return await chat.slack.next_message(user, after=after)


def _digits(person: Person) -> str:
    shown = person.soup.select_one(".big-code")
    assert shown is not None
    return shown.get_text()


async def _typed(chat: Chat, message: Message, digits: str, *, user: str = "UTARO") -> View:
    """Press Approve, type digits, and give the modal as it is then."""
    before = chat.slack.views(user)
    await chat.slack.press(user, message.ts, "approve")
    view = await chat.slack.next_view(user, after=before[-1].id if before else "")
    await chat.slack.submit(user, view.id, {"digits": digits})
    return view


@languages
async def test_j4_an_address_is_added_and_confirmed_in_slack(chat: Chat, language: str) -> None:
    """`add`, the same mail, `confirm`; the bot says so, and the browser beside it offers the label at once."""
    user, words = SPEAKS[language], WORDS[language]
    member = await chat.linked("taro", user)
    answer = await _answered(chat.slack, user, words["add"])
    assert "taro@example.test" in answer.text
    letter = await chat.house.inbox.next_to("taro@example.test")
    assert f"{chat.slack.workspace.id}/{user}" in letter.text
    assert letter.message["Content-Language"] == language
    after = _last(chat.slack, user)
    answer = await _answered(chat.slack, user, words["confirm"].format(code=code_in(letter)))
    assert answer.text == words["registered"]
    assert words["notice"] in (await chat.slack.next_message(user, after=after)).text
    async with walking(chat.house, language) as walk:
        await walk.log_in(member)
        await walk.at("choice")
        await expect(walk.page.get_by_role("radio", name="自宅")).to_be_visible()


async def test_j4_by_the_button_and_its_modal(chat: Chat) -> None:
    """The answer's button opens the field; a wrong code is told beside it, the right one confirms."""
    await chat.linked()
    answer = await _answered(chat.slack, "UTARO", "add 自宅 taro@example.test")
    letter = await chat.house.inbox.next_to("taro@example.test")
    await chat.slack.press("UTARO", answer.ts, "confirm")
    view = await chat.slack.next_view("UTARO")
    await chat.slack.submit("UTARO", view.id, {"code": wrong_for(code_in(letter))})
    assert "4 attempts left" in view.errors["code"]
    chat.house.clock.later(seconds=1)
    await chat.slack.submit("UTARO", view.id, {"code": code_in(letter)})
    assert "The contact “自宅” is registered." in _seen(view)
    assert (await Contact.get(label="自宅")).confirmed_at is not None


@languages
async def test_j4_confirmed_in_the_browser_the_bot_says_so(chat_on_socket: Chat, language: str) -> None:
    """Added in Slack, confirmed by the mailed URL in a logged-in browser: Slack is told, its home shows it."""
    chat, user = chat_on_socket, SPEAKS[language]
    member = await chat.linked("taro", user)
    await chat.slack.open_home(user)
    home = await chat.slack.next_home(user)
    assert "自宅" not in _seen(home)
    await _answered(chat.slack, user, WORDS[language]["add"])
    home = await chat.slack.until(lambda: chat.slack.home(user) if "自宅" in _seen(chat.slack.home(user)) else None)
    letter = await chat.house.inbox.next_to("taro@example.test")
    after = _last(chat.slack, user)
    async with walking(chat.house, language) as walk:
        await walk.log_in(member)
        await walk.page.get_by_role("radio", name=walk.words("matrix"), exact=True).check()
        await walk.press("OK")
        await walk.matrix(member)
        await walk.page.goto(url_in(letter))
        await walk.at("confirm")
        await walk.press("confirm")
        await walk.at("confirmed")
    told = await _until_told(chat.slack, user, WORDS[language]["notice"], after=after)
    assert "not-me" in str(told.blocks)


@languages
async def test_j6_a_login_is_approved_with_the_pages_digits(chat: Chat, language: str) -> None:
    """The page shows two digits, the message asks for them, the right ones let the waiting browser in by itself."""
    user, words = SPEAKS[language], WORDS[language]
    member = await chat.linked("taro", user)
    after = _last(chat.slack, user)
    async with walking(chat.house, language) as walk:
        page = walk.page
        await walk.log_in(member)
        await walk.at("choice")
        assert await page.get_by_role("radio", name="Slack").count() == 1
        await page.get_by_role("radio", name=words["two digits"], exact=True).check()
        await walk.press("OK")
        await walk.at("approval")
        digits = await page.locator(".big-code").inner_text()
        message = await chat.slack.next_message(user, after=after)
        assert "127.0.0.1" in shown_in(message)
        assert digits not in {part for one in message.blocks for part in str(one).split("'")}
        await expect(page.locator(".live")).to_have_attribute("data-state", "accepted")
        view = await _typed(chat, message, digits, user=user)
        await walk.at("portal")
        assert "approve" not in view.content.get("callback_id", "")
        await chat.slack.until(lambda: message if words["rewritten"] in message.text else None)
        assert "'approve'" not in str(message.blocks)
        session = await Session.get(account_id=member.account.id, ended_at=None, amr="pwd mca mfa")
        assert session.address == "127.0.0.1"


async def test_j6_without_javascript_the_button_lets_in(chat: Chat) -> None:
    """Pressed too soon it says so and costs nothing; pressed after the digits it lets in; nobody else is let in."""
    member = await chat.linked()
    async with chat.house.person() as person, chat.house.person() as elsewhere:
        message = await _to_approval(chat, person, member)
        await person.press("I have approved")
        assert (person.page, person.status) == ("approval", 422)
        assert "not approved yet" in person.error
        await _typed(chat, message, _digits(person))
        await chat.slack.until(lambda: message if WORDS["en"]["rewritten"] in message.text else None)
        await enter_password(elsewhere, member)
        await elsewhere.open("/login/approval")
        assert elsewhere.page == "choice"
        await person.press("I have approved")
        assert person.page == "portal", person.text
        assert "password + approval in Slack" in person.text


async def test_j6_a_wrong_number_ends_the_login(chat: Chat) -> None:
    """The modal says so, the message loses its button, the browser is out and the right digits are too late."""
    member = await chat.linked()
    async with chat.house.person() as person:
        message = await _to_approval(chat, person, member)
        digits = _digits(person)
        view = await _typed(chat, message, f"{(int(digits) + 1) % 100:02d}")
        assert WORDS["en"]["wrong"] in _seen(view)
        await chat.slack.until(lambda: message if "Nothing was approved" in message.text else None)
        await person.press("I have approved")
        assert person.page == "ended", person.text
        assert not await Session.filter(amr__contains="mca").exists()
        assert (await Throttle.get(subject=f"answer:{member.account.id}:approval")).wrong == 1


async def test_j6_what_is_no_number_is_told_beside_the_field(chat_on_socket: Chat) -> None:
    """The modal stays open and the login goes on."""
    chat = chat_on_socket
    member = await chat.linked()
    async with chat.house.person() as person:
        message = await _to_approval(chat, person, member)
        view = await _typed(chat, message, "7")
        assert view.errors == {"digits": "Please type the two digits that the page shows."}
        await chat.slack.submit("UTARO", view.id, {"digits": _digits(person)})
        await person.press("I have approved")
        assert person.page == "portal"


async def test_two_hundred_wrong_digits_at_once_are_one_guess_and_then_the_soft_lock(chat_on_socket: Chat) -> None:
    """Through the modal, as many as Slack brings: one is compared, and the right number is too late."""
    chat = chat_on_socket
    member = await chat.linked()
    # The soft lock of the twenty-fifth is ten seconds, which outlast two hundred modals.
    await chat.house.people.wronged(f"answer:{member.account.id}:approval", 24)
    async with chat.house.person() as person:
        message = await _to_approval(chat, person, member)
        digits = _digits(person)
        wrong = f"{(int(digits) + 1) % 100:02d}"
        await chat.slack.press("UTARO", message.ts, "approve")
        view = await chat.slack.next_view("UTARO")
        await asyncio.gather(*(chat.slack.submit("UTARO", view.id, {"digits": wrong}) for _ in range(200)))
        assert await Event.filter(kind=EventKind.ANSWER_WRONG).count() == 1
        assert (await Throttle.get(subject=f"answer:{member.account.id}:approval")).wrong == 25
        await person.press("I have approved")
        assert person.page == "ended"
        following = await _to_approval(chat, person, member)
        view = await _typed(chat, following, _digits(person))
        assert "Please wait" in view.errors["digits"]


async def test_approval_fatigue_ends_after_three_an_hour(chat_on_socket: Chat) -> None:
    """A stranger with the password rings three times; the fourth is told to wait, and Slack stays silent."""
    chat = chat_on_socket
    member = await chat.linked()
    for _ in range(3):
        async with chat.house.person() as person:
            await _to_approval(chat, person, member)
    async with chat.house.person() as person:
        count = len(chat.slack.messages("UTARO"))
        await enter_password(person, member)
        await person.press("OK", way=person.option("Approve with two digits"))
        assert person.page == "choice"
        assert "The limit of approval requests has been reached." in person.error
        await asyncio.sleep(0.3)
        assert len(chat.slack.messages("UTARO")) == count


async def test_a_button_pressed_by_another_person_does_nothing(chat_on_socket: Chat) -> None:
    """Approve and "This was not me" with the owner's opaque value, sent by a linked colleague: nothing is there."""
    chat = chat_on_socket
    member = await chat.linked()
    await chat.linked("hanako", "UHANAKO")
    async with chat.house.person() as person:
        message = await _to_approval(chat, person, member)
        pressed = (await chat.slack.press("UTARO", message.ts, "approve")).envelope
        view = await chat.slack.next_view("UTARO")
        sent = (await chat.slack.submit("UTARO", view.id, {"digits": "x"})).envelope
        for payload in (pressed.payload, sent.payload):
            payload["user"] = {"id": "UHANAKO", "username": "hanako", "team_id": chat.slack.workspace.id}
            payload["trigger_id"] += "0"
        sent.payload["view"]["state"]["values"]["digits"]["digits"]["value"] = _digits(person)
        await chat.slack.again(pressed)
        answer = await chat.slack.again(sent)
        assert "何も" not in str(answer.answer)
        assert "期限切れか、すでに削除されています。" in str(answer.answer)
        await person.press("I have approved")
        assert person.page == "approval"
        assert (await Challenge.get(kind="approval")).approved_at is None


async def test_a_button_pressed_twice_says_what_happened(chat_on_socket: Chat) -> None:
    """Approved once, the old button and the old modal say so, and open nothing more."""
    chat = chat_on_socket
    member = await chat.linked()
    async with chat.house.person() as person:
        message = await _to_approval(chat, person, member)
        pressed = (await chat.slack.press("UTARO", message.ts, "approve")).envelope
        view = await chat.slack.next_view("UTARO")
        told = await chat.slack.submit("UTARO", view.id, {"digits": _digits(person)})
        for envelope in (pressed, told.envelope):
            envelope.payload["trigger_id"] += "0"
        again = await chat.slack.again(told.envelope)
        assert "approved already" in str(again.answer)
        await chat.slack.again(pressed)
        assert "approved already" in (await chat.slack.next_ephemeral("UTARO")).text
        await person.press("I have approved")
        assert person.page == "portal"


async def test_the_same_envelope_three_times_has_one_effect(chat: Chat) -> None:
    """Commands, buttons and modals under Slack's retries: one mail, one guess, one lock."""
    member = await chat.linked()
    told = await chat.slack.slash("UTARO", "/tegata", "add 自宅 taro@example.test")
    for _ in range(2):
        await chat.slack.again(told.envelope)
    await chat.house.inbox.next_to("taro@example.test")
    await asyncio.sleep(_SETTLED)
    assert await Delivery.filter(letter=Letter.CONFIRMATION).count() == 1
    # One answer, and no other that says that the label is taken.
    assert len(chat.slack.ephemerals("UTARO")) == 1
    async with chat.house.person() as person:
        message = await _to_approval(chat, person, member)
        await chat.slack.press("UTARO", message.ts, "approve")
        view = await chat.slack.next_view("UTARO")
        told = await chat.slack.submit("UTARO", view.id, {"digits": _digits(person)})
        for _ in range(2):
            assert (await chat.slack.again(told.envelope)).is_acknowledged
        assert await Event.filter(kind=EventKind.APPROVED).count() == 1
    told = await chat.slack.slash("UTARO", "/tegata", "lock")
    for _ in range(2):
        await chat.slack.again(told.envelope)
    await asyncio.sleep(_SETTLED)
    assert len([one for one in chat.slack.ephemerals("UTARO") if "Everything was ended" in one.text]) == 1
    assert await Event.filter(kind=EventKind.DISOWNED).count() == 1


@languages
async def test_j10_lock_ends_everything(chat: Chat, language: str) -> None:
    """`lock`: the browser is out, no codes for an hour, the help desk is told, and nobody is logged in by it."""
    user, words = SPEAKS[language], WORDS[language]
    member = await chat.linked("taro", user)
    async with chat.house.person(language=language) as person, chat.house.person(language=language) as stranger:
        await log_in(person, member)
        await enter_password(stranger, member)
        answer = await _answered(chat.slack, user, "lock" if language == "en" else "止める")
        assert words["locked"] in answer.text
        await person.open("/portal")
        assert person.page == "login"
        await stranger.open("/login/choice")
        assert stranger.page == "ended"
        line = await accounts.show("taro", now=chat.house.clock())
        assert line.disowned_at is not None
        assert line.codes_blocked_until is not None
        assert line.open_sessions == 0


@languages
async def test_j10_the_button_under_a_request_ends_the_attempt(chat: Chat, language: str) -> None:
    """The button "This was not me": the message says so, the browser is out, codes and requests stay away."""
    user = SPEAKS[language]
    member = await chat.linked("taro", user)
    async with chat.house.person() as stranger:
        message = await _to_approval(chat, stranger, member, user=user)
        before = message.text
        await chat.slack.press(user, message.ts, "not-me")
        await chat.slack.until(lambda: message if message.text != before else None)
        assert "'approve'" not in str(message.blocks)
        await stranger.press("I have approved")
        assert stranger.page == "ended"
        assert not await Login.filter(ended_at=None).exists()
        assert (await Throttle.get(subject=f"answer:{member.account.id}:approval")).wrong == 1
        assert (await accounts.show("taro", now=chat.house.clock())).disowned_at is not None


async def test_a_command_in_a_channel_is_answered_to_its_speaker_alone(chat: Chat) -> None:
    """Whoever types it is who is meant; nobody else in the channel sees anything, whatever they typed."""
    await chat.linked()
    await chat.linked("hanako", "UHANAKO")
    await _answered(chat.slack, "UTARO", "add 自宅 taro@example.test", channel="CGENERAL")
    answer = await _answered(chat.slack, "UHANAKO", "list", channel="CGENERAL")
    assert "自宅" not in shown_in(answer)
    assert answer.only_for == "UHANAKO"
    for text in ("", "list", "sessions", "add", "remove", "language", "nonsense", "taro", "<@UTARO> list"):
        await chat.slack.slash("UHANAKO", "/tegata", text, channel="CGENERAL")
    await asyncio.sleep(0.3)
    general = chat.slack.workspace.channels["CGENERAL"].messages.values()
    assert all(one.only_for for one in general), [one.text for one in general if not one.only_for]


def _names_linking(text: str) -> bool:
    """Tell whether a text names the command that links, in the reader's language."""
    return "/tegata link" in text or "/tegata 連携" in text


@pytest.mark.parametrize("user", ["UHANAKO", "UGUEST", "UOTHER"])
async def test_who_is_not_linked_is_told_how_to_link(chat_on_socket: Chat, user: str) -> None:
    """Guests and members of other workspaces among them: no word does anything."""
    chat = chat_on_socket
    member = await chat.linked()
    for text in ("", "list", "add x y@example.test", "confirm 123456", "remove Slack", "code", "lock", "sessions"):
        answer = await _answered(chat.slack, user, text)
        assert _names_linking(answer.text), text
    await chat.slack.open_home(user)
    assert _names_linking(_seen(await chat.slack.next_home(user)))
    assert await Contact.filter(account_id=member.account.id).count() == 1
    assert not await Event.filter(kind=EventKind.DISOWNED).exists()


async def test_sessions_are_ended_by_their_buttons(chat: Chat) -> None:
    """Each open one has a button; the browser is out when it is pressed, from a message and from the home."""
    member = await chat.linked()
    async with chat.house.person() as person:
        await log_in(person, member)
        answer = await _answered(chat.slack, "UTARO", "sessions")
        assert "Firefox on Linux, 127.0.0.1" in shown_in(answer)
        await chat.slack.press("UTARO", answer.ts, "end-session")
        await chat.slack.until(lambda: _told(chat.slack, "UTARO", "That session was ended."))
        await _until(lambda: Session.filter(ended_at=None, browser="Firefox on Linux", address="127.0.0.1").exists())
        await person.open("/portal")
        assert person.page == "login"


async def test_removing_answers_with_a_page_behind_the_password(chat_on_socket: Chat) -> None:
    """The link leads to the step-up and on to the page that removes; nothing is removed in Slack."""
    chat = chat_on_socket
    member = await chat.linked(label="a<b>&c")
    answer = await _answered(chat.slack, "UTARO", "remove a<b>&c")
    assert "a&lt;b&gt;&amp;c" in answer.text
    assert f"/settings/contacts/{member.contacts['a<b>&c']}/remove" in answer.text
    assert await Contact.filter(account_id=member.account.id).count() == 1


async def test_the_code_comes_again_for_the_page_that_waits(chat_on_socket: Chat) -> None:
    """The same code, once the gap is over; nothing when no page waits."""
    chat = chat_on_socket
    member = await chat.linked()
    assert "No login page is waiting" in (await _answered(chat.slack, "UTARO", "code")).text
    await chat.asked_for_code(member)
    first = await chat.next_code()
    assert "Please wait" in (await _answered(chat.slack, "UTARO", "code")).text
    chat.house.clock.later(seconds=31)
    assert "sent again" in (await _answered(chat.slack, "UTARO", "code")).text
    second = await chat.next_code(after=first.ts)
    assert second.text == first.text


async def test_the_language_is_the_slack_locale_until_one_is_chosen(chat_on_socket: Chat) -> None:
    """Hanako's Slack is Japanese; she chooses English, for mail and pages too, by word or by button."""
    chat = chat_on_socket
    await chat.linked("hanako", "UHANAKO")
    assert (await _answered(chat.slack, "UHANAKO", "一覧")).text == "連絡先:"
    assert (await _answered(chat.slack, "UHANAKO", "言語 en")).text == "Messages are in English from now on."
    assert (await _answered(chat.slack, "UHANAKO", "list")).text == "Your contacts:"
    assert (await Account.get(name="hanako")).language == "en"
    answer = await _answered(chat.slack, "UHANAKO", "language")
    await chat.slack.press("UHANAKO", answer.ts, "language-ja")
    await chat.slack.until(lambda: _told(chat.slack, "UHANAKO", "これから日本語でお知らせします。"))
    assert (await Account.get(name="hanako")).language == "ja"


async def test_a_slack_that_changes_its_language_is_followed(chat_on_socket: Chat) -> None:
    """Who somebody is is asked once in a while, and anew when Slack says that they changed."""
    chat = chat_on_socket
    await chat.linked()
    for _ in range(3):
        assert (await _answered(chat.slack, "UTARO", "list")).text == "Your contacts:"
    assert len([one for one in chat.slack.calls if one.method == "users.info"]) == 1
    await chat.slack.change_user("UTARO", locale="ja-JP")
    await asyncio.sleep(_SETTLED)
    assert (await _answered(chat.slack, "UTARO", "list")).text == "連絡先:"


async def test_a_modal_is_answered_before_slack_gives_up_however_slow_slack_itself_is(chat_on_socket: Chat) -> None:
    """The answer in the modal waits for no call to Slack: the home is refreshed afterwards."""
    chat = chat_on_socket
    await chat.linked()
    answer = await _answered(chat.slack, "UTARO", "add 自宅 taro@example.test")
    letter = await chat.house.inbox.next_to("taro@example.test")
    await chat.slack.press("UTARO", answer.ts, "confirm")
    view = await chat.slack.next_view("UTARO")
    chat.slack.faults.all_calls("views.publish", Slow(5.0))
    told = await chat.slack.submit("UTARO", view.id, {"code": code_in(letter)})
    assert told.is_acknowledged
    assert told.seconds < 2
    assert "is registered" in _seen(view)


async def test_no_work_outlives_the_hub(sqlite_template: Path, tmp_path: Path) -> None:
    """What was acknowledged is finished before the database closes, however slow Slack is."""
    async with standing_in() as slack:
        async with open_house(copy_of(sqlite_template, tmp_path), tmp_path, **slack_settings(slack, "socket")) as house:
            await slack.connected()
            await Chat(house, slack).linked()
            slack.faults.all_calls("views.publish", Slow(2.0))
            await slack.open_home("UTARO")
            await asyncio.sleep(_SETTLED)
        # Bolt runs a listener in a task of this function.
        assert not [one for one in asyncio.all_tasks() if "run_ack_function" in str(one.get_coro())]


async def test_no_work_that_comes_while_the_hub_ends_outlives_it(sqlite_template: Path, tmp_path: Path) -> None:
    """In HTTP mode Slack's port is open while the mail door ends: what is acknowledged then is finished, too."""
    async with standing_in() as slack, Refusing({"MAIL": HANG}).running() as server:
        given = {**slack_settings(slack, "http"), "smtp_url": f"smtp://127.0.0.1:{server.port}?starttls=never"}
        async with open_house(copy_of(sqlite_template, tmp_path), tmp_path, smtp_timeout=1.0, **given) as house:
            slack.send_to(f"http://{given['slack_listen']}{PATH}")
            member = await house.people.member(contacts=("home",))
            slack.faults.all_calls("views.publish", Slow(2.0))
            await Chat(house, slack).asked_for_code(member, "home")
            async with asyncio.timeout(5):
                while not any(one.startswith("MAIL") for one in server.commands):
                    await asyncio.sleep(0.01)
            heard = asyncio.create_task(_opened_later(slack))
        assert (await heard).is_acknowledged
        assert not [one for one in asyncio.all_tasks() if "run_ack_function" in str(one.get_coro())]


async def _opened_later(slack: StandIn) -> Dispatched:
    await asyncio.sleep(0.3)
    return await slack.open_home("UTARO")


async def test_the_home_shows_the_account_and_follows_what_is_done(chat: Chat) -> None:
    """Its buttons open the same modals; what they change stands in it at once."""
    await chat.linked()
    await chat.slack.open_home("UTARO")
    home = await chat.slack.next_home("UTARO")
    assert "Account taro" in _seen(home)
    seen = home.hash
    await chat.slack.press("UTARO", home.id, "add")
    view = await chat.slack.next_view("UTARO")
    await chat.slack.submit("UTARO", view.id, {"label": "自宅", "address": "nobody"})
    assert view.errors == {"address": "Please check the email address."}
    await chat.slack.submit("UTARO", view.id, {"label": "自宅", "address": "taro@example.test"})
    letter = await chat.house.inbox.next_to("taro@example.test")
    home = await chat.slack.next_home("UTARO", after=seen)
    assert "waits for the code" in _seen(home)
    await chat.slack.submit("UTARO", view.id, {"code": code_in(letter)})
    assert "is registered" in _seen(view)
    await chat.slack.until(lambda: home if "waits for the code" not in _seen(home) else None)
    await chat.slack.close("UTARO", view.id)
    await chat.slack.press("UTARO", home.id, "code")
    told = await chat.slack.next_view("UTARO", after=view.id)
    assert "No login page is waiting" in _seen(told)


async def test_the_shortcut_shows_the_same_state_and_pushes_its_modals(chat_on_socket: Chat) -> None:
    """From anywhere: the account in a modal, with adding on top of it."""
    chat = chat_on_socket
    await chat.linked()
    await chat.slack.shortcut("UTARO", "tegata")
    window = await chat.slack.next_view("UTARO")
    assert "Account taro" in _seen(window)
    await chat.slack.press("UTARO", window.id, "add")
    view = await chat.slack.next_view("UTARO", after=window.id)
    await chat.slack.submit("UTARO", view.id, {"label": "自宅", "address": "taro@example.test"})
    letter = await chat.house.inbox.next_to("taro@example.test")
    await chat.slack.submit("UTARO", view.id, {"code": code_in(letter)})
    await chat.slack.until(lambda: window if "taro@example.test (mail): confirmed" in _seen(window) else None)
    await chat.slack.shortcut("UHANAKO", "tegata")
    assert _names_linking(_seen(await chat.slack.next_view("UHANAKO")))


async def test_words_are_known_in_both_languages_and_others_get_the_help(chat_on_socket: Chat) -> None:
    """`/tegata` alone tells state and help; an unknown word, that it is unknown, and the help."""
    chat = chat_on_socket
    await chat.linked()
    alone = await _answered(chat.slack, "UTARO", "")
    assert "taro" in alone.text
    assert "/tegata add LABEL ADDRESS" in shown_in(alone)
    for text in ("help", "HELP", "ヘルプ", "frobnicate", "<https://example.test|example.test>"):
        told = (await _answered(chat.slack, "UTARO", text)).text
        assert "/tegata add LABEL ADDRESS" in told
        assert ("is not a command" in told) is (text not in {"help", "HELP", "ヘルプ"})
    assert "“frob&lt;ni&gt;”" in (await _answered(chat.slack, "UTARO", "frob<ni> cate")).text
    assert (await _answered(chat.slack, "UTARO", "LIST")).text == "Your contacts:"


async def _until_told(slack: StandIn, user: str, words: str, *, after: str) -> Message:
    def look() -> Message | None:
        return next((one for one in slack.messages(user) if one.ts > after and words in one.text), None)

    return await slack.until(look)


def _told(slack: StandIn, user: str, words: str) -> Message | None:
    return next((one for one in slack.ephemerals(user) if words in one.text), None)


async def _until(still: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while await still():  # type: ignore[misc]
            await asyncio.sleep(0.02)
