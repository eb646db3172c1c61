"""A Slack account is linked by whom both belong to, and unlinked from either side."""

import asyncio
from typing import Any

import pytest

from demo.slack import payloads
from demo.slack.sending import Envelope, Kind
from hub.contacts import slack_linking
from hub.contacts.slack_linking import LinkAsked, Linked, Profile, Unlinked
from hub.domain.outcomes import Confirmed, Reason, Refused, Throttled
from models.contact import Contact
from models.kinds import Zone
from models.session import Session
from models.slack import SlackLink, SlackMember
from tests.hub.test_disavow import not_me_in
from tests.support.factory import PASSWORD, People
from tests.support.journeys import answer_matrix, enter_password, log_in, press_twice, settled
from tests.support.running_hub import ELSEWHERE
from tests.support.slack_hub import Chat, code_in, link_in, shown_in

TARO = Profile("TPORTAL/UTARO", "Taro (@taro)", "Portal")


async def _link_of(chat: Chat, user: str = "UTARO") -> str:
    """Type `/tegata link`; gives the path of the page."""
    assert (await chat.slack.slash(user, "/tegata", "link")).is_acknowledged
    told = await chat.slack.next_ephemeral(user)
    return link_in(told)


async def _asked(people: People, profile: Profile = TARO) -> str:
    outcome = await slack_linking.ask(people.hub, people.visit(), profile)
    assert isinstance(outcome, LinkAsked)
    return outcome.url.rpartition("/")[2]


async def test_linking_from_slack_to_the_list(chat: Chat) -> None:
    """J6's beginning: the command, the page behind login and password, the button; the bot and the mail tell of it."""
    member = await chat.house.people.member(contacts=("home",))
    path = await _link_of(chat)
    async with chat.house.person() as person:
        await person.open(path)
        assert person.page == "account"
        await person.press("OK", account=member.name, password=PASSWORD)
        await person.press("OK", way="matrix")
        await answer_matrix(person, member)
        assert person.page == "step-up", person.text
        assert path.rpartition("/")[2] not in person.at
        await person.press("Authenticate", password=PASSWORD)
        assert person.page == "slack-link", person.text
        for told in ("Taro (@taro)", "Portal", "direct messages", "taro"):
            assert told in person.text
        await person.press("Link", label="チャット")
        assert person.page == "confirmed", person.text
        await person.open("/settings/contacts")
        assert "チャット" in person.text
        assert "Taro (@taro) (Portal)" in person.text
        await person.press("Keep the code out of the notification")
        assert "The notification does not show the code." in person.text
    message = await chat.slack.next_message("UTARO")
    assert "チャット" in message.text
    letter = await chat.house.inbox.next_to("taro0@mail.test")
    assert "チャット" in letter.text


async def test_the_page_of_a_linking_changes_nothing_by_itself(chat_on_socket: Chat) -> None:
    """Opened, followed and opened again it links nothing; without login it shows no name."""
    chat = chat_on_socket
    member = await chat.house.people.member()
    path = await _link_of(chat)
    async with chat.house.person() as person:
        await person.open(path)
        assert "Taro" not in person.text
        await enter_password(person, member)
        await answer_matrix(person, member)
        assert person.page == "step-up"
        assert "Taro" not in person.text
        await person.press("Authenticate", password=PASSWORD)
        for _ in range(3):
            await person.open(path)
            assert person.page == "slack-link"
    assert await Contact.filter(account_id=member.account.id).count() == 0


async def test_a_victim_is_shown_whose_slack_account_it_is(chat_on_socket: Chat) -> None:
    """The attacker's URL in the victim's browser asks for the password and names the attacker's Slack account."""
    chat = chat_on_socket
    victim = await chat.house.people.member(contacts=("home",))
    path = await _link_of(chat, "UHANAKO")
    async with chat.house.person() as person:
        await log_in(person, victim)
        # A page of the attacker's can't send the form: it has no token, and the password was not given again.
        await person.send(path, {"label": "x"})
        assert person.status == 403
        await person.open(path)
        assert person.page == "step-up"
        await person.press("Authenticate", password=PASSWORD)
        assert "花子 (@hanako)" in person.text
        assert "your own Slack account" in person.text
        await person.press("Link", label="x")
    # Should the victim have gone on all the same, the other contacts tell of it.
    await settled()
    assert any("linked" in letter.text for letter in chat.house.inbox.to("taro0@mail.test"))


async def test_no_linking_off_campus_with_the_matrix_card_alone(chat_on_socket: Chat) -> None:
    """The guide's rule holds here, too: off campus a session of the matrix card links nothing."""
    chat = chat_on_socket
    member = await chat.house.people.member()
    path = await _link_of(chat)
    async with chat.house.person(address=ELSEWHERE) as person:
        await enter_password(person, member)
        await answer_matrix(person, member)
        await person.open(path)
        assert person.page == "refused-here"
        assert person.status == 403
    people = chat.house.people
    session = await people.stepped_up(member)
    off = people.visit(address=ELSEWHERE, zone=Zone.OFF_CAMPUS)
    token = path.rpartition("/")[2]
    assert await slack_linking.link(people.hub, off, session, token, "x") == Refused(Reason.MATRIX_OFF_CAMPUS)


@pytest.mark.parametrize(
    ("user", "change", "words"),
    [
        ("UGUEST", {}, "no guests"),
        ("UOTHER", {}, "this workspace"),
        ("UTARO", {"deleted": True}, "no guests"),
        ("UTARO", {"is_bot": True}, "no guests"),
        ("UTARO", {"is_restricted": True}, "no guests"),
        ("UTARO", {"is_stranger": True}, "no guests"),
        ("UTARO", {"team_id": "TELSEWHERE"}, "no guests"),
        ("UHANAKO", {"is_ultra_restricted": True}, "ゲスト"),
    ],
)
async def test_guests_bots_strangers_and_others_are_refused(
    chat_on_socket: Chat, user: str, change: dict[str, bool], words: str
) -> None:
    """Whoever is no full member of our workspace gets a sentence and no URL."""
    chat = chat_on_socket
    first = await chat.slack.slash(user, "/tegata", "help")
    told = await chat.slack.next_ephemeral(user)
    for name, value in change.items():
        setattr(chat.slack.workspace.user(user), name, value)
    await chat.slack.again(Envelope(Kind.COMMAND, {**first.envelope.payload, "text": "link", "trigger_id": "2.2.2"}))
    assert words in (await chat.slack.next_ephemeral(user, after=told.ts)).text
    assert not await SlackLink.exists()


async def test_members_of_other_workspaces_are_refused(chat_on_socket: Chat) -> None:
    """A command that another workspace sends is answered with a sentence; a named workspace is taken."""
    chat = chat_on_socket
    first = await chat.slack.slash("UTARO", "/tegata", "help")
    first_told = await chat.slack.next_ephemeral("UTARO")
    other = {**first.envelope.payload, "team_id": "TELSEWHERE", "text": "link", "trigger_id": "2.2.2"}
    # A full member there, whom nothing else speaks against.
    chat.slack.workspace.user("UTARO").team_id = "TELSEWHERE"
    await chat.slack.again(Envelope(Kind.COMMAND, other))
    told = await chat.slack.next_ephemeral("UTARO", after=first_told.ts)
    assert "members of this workspace" in told.text
    assert not await SlackLink.exists()


async def test_a_linking_is_good_once_and_for_ten_minutes(people: People) -> None:
    """After the end, after its use, under another token and for another account it opens nothing."""
    member, other = await people.member(), await people.member("hanako")
    session = await people.stepped_up(member)
    token = await _asked(people)
    for wrong in ("", "1", f"{token}x", token[:-1] + ("a" if token[-1] != "a" else "b"), f"9{token}", "0-" + "a" * 26):
        assert await slack_linking.link(people.hub, people.visit(), session, wrong, "x") == Refused(Reason.NOT_FOUND)
    assert await slack_linking.opened_link(people.hub, token, now=people.now) == TARO
    people.later(minutes=9, seconds=59)
    assert isinstance(await slack_linking.link(people.hub, people.visit(), session, token, "x"), Confirmed)
    over = Refused(Reason.LINK_OVER)
    assert await slack_linking.link(people.hub, people.visit(), session, token, "y") == over
    assert await slack_linking.opened_link(people.hub, token, now=people.now) == over
    late = await _asked(people, Profile("TPORTAL/UHANAKO", "Hanako", "Portal"))
    theirs = await people.stepped_up(other)
    people.later(minutes=10)
    assert await slack_linking.link(people.hub, people.visit(), theirs, late, "x") == Refused(Reason.STEP_UP_NEEDED)
    theirs = await people.stepped_up(other)
    assert await slack_linking.link(people.hub, people.visit(), theirs, late, "x") == over


async def test_a_slack_account_is_linked_to_one_account(people: People) -> None:
    """Two members that hold a URL of the same Slack account, at once and one after the other: one is linked."""
    first, second = await people.member(), await people.member("hanako")
    one, two = await people.stepped_up(first), await people.stepped_up(second)
    tokens = [await _asked(people), await _asked(people)]
    visit = people.visit()

    async def linked(number: int) -> object:
        return await slack_linking.link(people.hub, visit, (one, two)[number], tokens[number], "Slack")

    numbers = iter((0, 1))
    outcomes = await people.at_once(2, lambda: linked(next(numbers)))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Confirmed", "Refused"]
    assert Refused(Reason.LINKED_ALREADY) in outcomes
    assert await SlackMember.all().count() == await Contact.filter(channel="slack").count() == 1
    assert isinstance(await slack_linking.ask(people.hub, people.visit(), TARO), Linked)


async def test_an_account_may_have_several_and_labels_stay_unique(people: People) -> None:
    """A second Slack account is linked under a label of its own; a bad or a taken label spends no URL."""
    session = await people.stepped_up(await people.member())
    assert isinstance(
        await slack_linking.link(people.hub, people.visit(), session, await _asked(people), "Slack"), Confirmed
    )
    token = await _asked(people, Profile("TPORTAL/UHANAKO", "Hanako", "Portal"))
    for label, reason in (("ｓｌａｃｋ", Reason.LABEL_TAKEN), ("", Reason.LABEL_BAD), ("x" * 33, Reason.LABEL_BAD)):
        assert await slack_linking.link(people.hub, people.visit(), session, token, label) == Refused(reason)
    assert isinstance(await slack_linking.link(people.hub, people.visit(), session, token, "仕事"), Confirmed)


async def test_a_second_page_of_the_same_slack_account_links_nothing_more(people: People) -> None:
    """Whoever has two pages open and uses both is told so; the contact keeps the label of the first."""
    session = await people.stepped_up(await people.member())
    first, second = await _asked(people), await _asked(people)
    assert isinstance(await slack_linking.link(people.hub, people.visit(), session, first, "one"), Confirmed)
    again = await slack_linking.link(people.hub, people.visit(), session, second, "two")
    assert again == Refused(Reason.LINKED_ALREADY)
    assert [one.label for one in await Contact.all()] == ["one"]


async def test_a_name_in_slack_is_shown_in_one_line_and_as_it_reads(people: People) -> None:
    """Line ends, what turns the text round and what can't be seen are left out of what pages and letters show."""
    odd = Profile(TARO.address, "Taro\r\n\u202eorat\u2066@\x00 (@taro)", "Por\u200btal\n")
    token = await _asked(people, odd)
    shown = Profile(TARO.address, "Taro orat @ (@taro)", "Por tal")
    assert await slack_linking.opened_link(people.hub, token, now=people.now) == shown
    session = await people.stepped_up(await people.member())
    assert isinstance(await slack_linking.link(people.hub, people.visit(), session, token, "Slack"), Confirmed)
    assert [one.shown for one in await Contact.all()] == [shown.shown]


@pytest.mark.parametrize(
    "change",
    [{"deleted": True}, {"is_restricted": True}, {"is_ultra_restricted": True}, {"is_bot": True}],
    ids=lambda change: next(iter(change)),
)
async def test_whoever_could_not_link_any_more_receives_nothing(chat_on_socket: Chat, change: dict[str, bool]) -> None:
    """Deactivated or made a guest after linking: suspended; any other change is none of ours."""
    chat = chat_on_socket
    member = await chat.linked()
    await chat.slack.change_user("UTARO", real_name="Taro T.")
    await settled()
    assert (await Contact.get(id=member.contacts["Slack"])).suspended_at is None
    await chat.slack.change_user("UTARO", **change)
    async with asyncio.timeout(5):
        while (await Contact.get(id=member.contacts["Slack"])).suspended_at is None:
            await asyncio.sleep(0.02)


async def test_an_organisations_user_is_known_by_each_of_its_workspaces(chat_on_socket: Chat) -> None:
    """Linked from one workspace, told of as at home in another: deactivated there, suspended here."""
    chat = chat_on_socket
    member = await chat.linked()
    teams = {"enterprise_user": {"teams": ["TELSEWHERE", "TPORTAL"]}}
    user = {"id": "UTARO", "team_id": "TELSEWHERE", "deleted": True, **teams}
    await chat.slack.dispatch(Kind.EVENT, _of_team("TELSEWHERE", chat, {"type": "user_change", "user": user}))
    async with asyncio.timeout(5):
        while (await Contact.get(id=member.contacts["Slack"])).suspended_at is None:
            await asyncio.sleep(0.02)


def _of_team(team: str, chat: Chat, inner: dict[str, Any]) -> dict[str, Any]:
    """Write an event as another workspace of the organisation sends it."""
    told = payloads.event(chat.slack.workspace, {"event_ts": "1.0", **inner}, now=chat.slack.core.now())
    return {**told, "team_id": team}


async def test_linkings_are_not_asked_for_without_end(people: People) -> None:
    """The sixth within ten minutes has to wait."""
    for _ in range(5):
        await _asked(people)
    assert isinstance(await slack_linking.ask(people.hub, people.visit(), TARO), Throttled)


async def test_linkings_asked_for_at_once_are_no_more_than_one_by_one(people: People) -> None:
    """Twenty at the same moment: five get a URL."""
    outcomes = await people.at_once(20, lambda: slack_linking.ask(people.hub, people.visit(), TARO))
    assert sum(isinstance(one, LinkAsked) for one in outcomes) == 5


async def test_unlinking_in_slack(chat: Chat) -> None:
    """The contact is gone, the other contacts are told, and no code goes there; a second time says so."""
    member = await chat.house.people.member(contacts=("home",))
    await chat.link(member, "UTARO")
    sent = await chat.house.inbox.next_to("taro0@mail.test")
    assert (await chat.slack.slash("UTARO", "/tegata", "unlink")).is_acknowledged
    told = await chat.slack.next_ephemeral("UTARO")
    assert "no longer linked" in told.text
    letter = await chat.house.inbox.next_to("taro0@mail.test", after=sent.number)
    assert "removed" in letter.text
    assert not await Contact.filter(account_id=member.account.id, channel="slack").exists()
    await chat.slack.slash("UTARO", "/tegata", "unlink")
    assert "is not linked" in (await chat.slack.next_ephemeral("UTARO", after=told.ts)).text


async def test_unlinking_from_the_list(chat_on_socket: Chat) -> None:
    """Removed on the web it is removed: the Slack account can be linked to another account."""
    chat = chat_on_socket
    member = await chat.linked()
    async with chat.house.person() as person:
        await enter_password(person, member)
        await person.press("OK", way="matrix")
        await answer_matrix(person, member)
        await person.open("/settings/contacts")
        await person.press("Authenticate", password=PASSWORD)
        await person.follow("Remove")
        await person.press("Remove")
        assert "Slack" not in person.text
    assert await slack_linking.linked_to("TPORTAL/UTARO") is None
    other = await chat.house.people.member("hanako")
    await chat.link(other, "UTARO")


@pytest.mark.parametrize("end", ["deactivated", "revoked", "uninstalled"])
async def test_who_leaves_slack_gets_no_codes_there(chat: Chat, end: str) -> None:
    """A user deactivated, the bot's token revoked, the app uninstalled: suspended, and told on another contact."""
    member = await chat.house.people.member(contacts=("home",))
    await chat.link(member, "UTARO")
    sent = await chat.house.inbox.next_to("taro0@mail.test")
    match end:
        case "deactivated":
            await chat.slack.deactivate("UTARO")
        case "revoked":
            await chat.slack.revoke_tokens()
        case _:
            await chat.slack.uninstall()
    letter = await chat.house.inbox.next_to("taro0@mail.test", after=sent.number)
    assert "can't be reached" in letter.text
    assert "not-me" not in letter.text
    contact = await Contact.get(id=member.contacts["Slack"])
    assert contact.suspended_at is not None
    async with chat.house.person() as person:
        await enter_password(person, member)
        assert "Slack" not in person.text


async def test_a_change_of_somebodys_name_suspends_nothing(chat_on_socket: Chat) -> None:
    """The event comes with every change of a profile; only the end of a membership counts, and only for that one."""
    chat = chat_on_socket
    await chat.linked()
    await chat.slack.change_user("UTARO", real_name="Taro II")
    await chat.slack.deactivate("UHANAKO")
    assert await slack_linking.linked_to("TPORTAL/UTARO") is not None


async def test_a_suspended_slack_contact_is_linked_anew(chat_on_socket: Chat) -> None:
    """The same member links the same Slack account again: the same contact, under a new label, receives codes."""
    chat = chat_on_socket
    member = await chat.linked()
    people = chat.house.people
    await slack_linking.suspend(people.hub, people.visit(), ["TPORTAL/UTARO"])
    assert await slack_linking.linked_to("TPORTAL/UTARO") is None
    await chat.link(member, "UTARO", label="again")
    assert member.contacts["again"] == member.contacts["Slack"]
    await chat.asked_for_code(member, "again")
    assert code_in(await chat.next_code())


async def test_a_suspended_slack_account_stays_its_members(people: People) -> None:
    """Another member can't take over a Slack account that is only suspended."""
    first = await people.stepped_up(await people.member())
    await slack_linking.link(people.hub, people.visit(), first, await _asked(people), "Slack")
    await slack_linking.suspend_workspace(people.hub, people.visit(), "TPORTAL")
    second = await people.stepped_up(await people.member("hanako"))
    outcome = await slack_linking.link(people.hub, people.visit(), second, await _asked(people), "Slack")
    assert outcome == Refused(Reason.LINKED_ALREADY)
    assert isinstance(await slack_linking.unlink(people.hub, people.visit(), TARO.address), Unlinked)
    outcome = await slack_linking.link(people.hub, people.visit(), second, await _asked(people), "Slack")
    assert isinstance(outcome, Confirmed)


async def test_a_channel_full_of_people_sees_nothing(chat_on_socket: Chat) -> None:
    """The answers to a command in a channel are shown to whoever typed it, and to nobody else."""
    chat = chat_on_socket
    channel = chat.slack.workspace.direct("UTARO").id
    await chat.slack.slash("UTARO", "/tegata", "link", channel=channel)
    told = await chat.slack.next_ephemeral("UTARO")
    assert "/slack/link/" in shown_in(told)
    assert chat.slack.messages("UTARO") == []


async def test_what_a_disowned_session_linked_is_unlinked(chat_on_socket: Chat) -> None:
    """Told on another contact or in Slack itself: "this was not me" ends the session and the linking it did."""
    chat = chat_on_socket
    for name, user in (("taro", "UTARO"), ("hanako", "UHANAKO")):
        member = await chat.house.people.member(name, contacts=("home",))
        await chat.link(member, user)
        greeting = await chat.slack.next_message(user)
        if name == "hanako":
            await chat.slack.press(user, greeting.ts, "not-me")
            await chat.slack.next_update(greeting)
        else:
            letter = await chat.house.inbox.next_to(f"{name}0@mail.test")
            async with chat.house.person() as person:
                await person.open(not_me_in(letter))
                await press_twice(chat.house, person, "Yes, end it")
        assert await slack_linking.linked_to(f"TPORTAL/{user}") is None
        assert [one.label for one in await Contact.filter(account_id=member.account.id)] == ["home"]
        assert not await Session.filter(account_id=member.account.id, ended_at=None).exists()
