"""An app installed for a whole organisation: a person is one, from whichever workspace they act."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.actor import domain_in, home_in, organisation_in, team_in
from bot.workspaces import Workspaces
from demo.slack import payloads
from demo.slack.sending import Kind
from demo.slack.stand_in import standing_in
from hub.contacts import slack_linking
from hub.contacts.slack_linking import LinkAsked, Profile
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Notice
from models.slack import SlackMember
from tests.support.factory import PASSWORD, Member, People
from tests.support.journeys import log_in
from tests.support.running_hub import open_house
from tests.support.slack_hub import Chat, copy_of, link_in, shown_in, slack_settings

ORG, FIRST, SECOND = "E01UNI", "T01TEST", "T02LAB"
LEARNED = {"team_id": ORG, "enterprise_id": ORG, "is_enterprise_install": True, "team": "University"}
_AUTHORIZED = [{"enterprise_id": ORG, "team_id": None, "user_id": "U0BOT", "is_enterprise_install": True}]


@pytest.mark.parametrize(
    ("body", "team"),
    [
        ({"team_id": FIRST, "enterprise_id": ORG}, FIRST),
        ({"team_id": FIRST, "authorizations": _AUTHORIZED}, FIRST),
        ({"team": {"id": SECOND, "enterprise_id": ORG}}, SECOND),
        ({"team": None, "enterprise": {"id": ORG}, "user": {"id": "U", "team_id": SECOND}}, SECOND),
        ({"team": None, "view": {"team_id": FIRST}, "enterprise": {"id": ORG}}, FIRST),
        ({"enterprise_id": ORG, "authorizations": _AUTHORIZED}, ""),
    ],
)
def test_a_person_is_the_organisation_and_the_user(body: dict[str, Any], team: str) -> None:
    """The workspace is where somebody acts; it is read before what authorizes the app, and names no person."""
    workspaces = Workspaces(None, (FIRST, SECOND))  # type: ignore[arg-type]
    assert team_in(body) == team
    assert workspaces.identity(team, organisation_in(body)) == ORG
    workspaces.learn(LEARNED)
    # Also where the payload does not name the organisation.
    assert workspaces.identity(team, "") == ORG
    assert workspaces.identity("TELSEWHERE", "") == "TELSEWHERE"


@pytest.mark.parametrize(
    ("body", "home"),
    [
        ({"team": {"id": FIRST}, "user": {"id": "U", "team_id": "T77"}}, "T77"),
        ({"team_id": FIRST, "event": {"user": "U", "user_team": "T77"}}, "T77"),
        ({"team": {"id": FIRST}, "user": {"id": "U", "team_id": FIRST}}, FIRST),
        ({"team": {"id": FIRST}, "user": {"id": "U"}}, FIRST),
        ({"team_id": FIRST, "user_id": "U", "event": {"user": {"id": "U"}}}, FIRST),
    ],
)
def test_a_person_belongs_to_a_workspace_of_their_own(body: dict[str, Any], home: str) -> None:
    """In a channel that is shared with another workspace, the workspace of the act names another person."""
    assert home_in(body) == home


def test_a_workspace_is_named_as_people_know_it() -> None:
    """Its own name where that is ours, else its domain; an id only where Slack tells nothing else."""
    workspaces = Workspaces(None, (FIRST, SECOND))  # type: ignore[arg-type]
    assert workspaces.name_of(FIRST, "") == FIRST
    assert workspaces.name_of(FIRST, domain_in({"team_domain": "test-lab"})) == "test-lab"
    assert workspaces.name_of(FIRST, domain_in({"team": {"id": FIRST, "domain": "test-lab"}})) == "test-lab"
    workspaces.learn({"team_id": FIRST, "team": "Test"})
    assert workspaces.name_of(FIRST, "test-lab") == "Test"


@pytest.fixture
async def org(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Chat]:
    """A hub with a bot in an organisation of two admitted workspaces."""
    async with standing_in() as slack:
        slack.workspace.id, slack.workspace.organisation = FIRST, ORG
        slack.workspace.user("UTARO").team_id = slack.workspace.user("UHANAKO").team_id = FIRST
        given = {**slack_settings(slack, "socket"), "slack_teams": (FIRST, SECOND)}
        async with open_house(copy_of(sqlite_template, tmp_path), tmp_path, **given) as house:
            await slack.connected()
            yield Chat(house, slack)


async def _linked(chat: Chat, member: Member) -> Contact:
    """Link UTARO as members do, and forget the message that says so."""
    await chat.slack.slash("UTARO", "/tegata", "link")
    path = link_in(await chat.slack.next_ephemeral("UTARO"))
    async with chat.house.person() as person:
        await log_in(person, member)
        await person.open(path)
        await person.press("Authenticate", password=PASSWORD)
        assert "portal" in person.text
        assert FIRST not in person.text
        await person.press("Link", label="Slack")
    return await Contact.get(account_id=member.account.id, channel="slack")


async def _until_suspended(contact: Contact) -> str:
    async with asyncio.timeout(5):
        while (now := await Contact.get(id=contact.id)).suspended_at is None:
            await asyncio.sleep(0.02)
    return now.suspended_why


async def test_every_workspace_of_an_organisation_sees_the_same_account(org: Chat) -> None:
    """Linked from one: home, commands and "this was not me" work from the other, and no second account is linked."""
    contact = await _linked(org, await org.house.people.member())
    assert (await SlackMember.get()).address == f"{ORG}/UTARO"
    greeting = await org.slack.next_message("UTARO")
    org.slack.workspace.user("UTARO").team_id = SECOND
    await org.slack.open_home("UTARO")
    assert "Account taro" in str((await org.slack.next_home("UTARO")).content)
    before = org.slack.ephemerals("UTARO")[-1].ts
    await org.slack.slash("UTARO", "/tegata", "link")
    assert "already" in (await org.slack.next_ephemeral("UTARO", after=before)).text
    async with asyncio.timeout(5):
        while (await SlackMember.get()).teams != f"{FIRST} {SECOND}":
            await asyncio.sleep(0.02)
    # One workspace taken away, the other still admits.
    await org.slack.event({"type": "team_access_revoked", "team_ids": [FIRST]})
    await org.slack.press("UTARO", greeting.ts, "not-me")
    await org.slack.next_update(greeting)
    assert not await Contact.exists(id=contact.id)


@pytest.mark.parametrize("end", ["app_uninstalled", "team_access_revoked"])
async def test_an_organisation_that_takes_the_app_away_ends_its_links(org: Chat, end: str) -> None:
    """The whole organisation, in a body without a workspace; or the one workspace that admitted somebody."""
    contact = await _linked(org, await org.house.people.member())
    told = payloads.event(
        org.slack.workspace, {"type": end, "team_ids": [FIRST], "event_ts": "1.0"}, now=org.slack.core.now()
    )
    del told["team_id"]
    await org.slack.dispatch(Kind.EVENT, {**told, "enterprise_id": ORG})
    assert await _until_suspended(contact) == "slack-away"
    before = org.slack.ephemerals("UTARO")[-1].ts
    await org.slack.slash("UTARO", "/tegata", "list")
    assert "removed from the workspace" in (await org.slack.next_ephemeral("UTARO", after=before)).text
    people = org.house.people
    assert await slack_linking.resume(people.hub, people.visit(), SECOND if end == "app_uninstalled" else "T03") == 0
    assert await slack_linking.resume(people.hub, people.visit(), FIRST) == 1
    assert (await Contact.get(id=contact.id)).suspended_at is None
    assert await Delivery.filter(contact_id=contact.id, notice=Notice.CONTACT_RESUMED).count() == 1


async def _row(people: People, member: Member, address: str, *teams: str, language: str = "") -> Contact:
    session = await people.stepped_up(member)
    asked = await slack_linking.ask(people.hub, people.visit(), Profile(address, "Taro", "x", teams, language))
    assert isinstance(asked, LinkAsked)
    await slack_linking.link(people.hub, people.visit(), session, asked.url.rpartition("/")[2], "Slack")
    return await Contact.get(account_id=member.account.id)


async def test_a_link_of_before_belongs_to_the_organisation_from_then_on(people: People) -> None:
    """A row named by a workspace is named by the organisation; of two rows of one person the second is suspended."""
    first = await _row(people, await people.member(), f"{FIRST}/UTARO")
    second = await _row(people, await people.member("hanako"), f"{SECOND}/UTARO")
    assert await slack_linking.adopt(people.hub, people.visit(), ORG, [FIRST, SECOND]) == 1
    assert (await Contact.get(id=first.id)).address == f"{ORG}/UTARO"
    assert (await Contact.get(id=second.id)).suspended_at is not None
    assert (await SlackMember.get(contact_id=first.id)).teams == FIRST


@pytest.mark.parametrize(
    ("teams", "revoked", "left", "suspended"),
    [
        ((FIRST,), [FIRST], [SECOND], 1),
        ((FIRST, SECOND), [FIRST], [SECOND], 0),
        ((FIRST, SECOND), [FIRST, SECOND], [], 1),
        ((), [FIRST], [SECOND], 0),
        ((), [FIRST], [], 1),
    ],
)
async def test_only_whom_no_workspace_admits_any_more_is_suspended(
    people: People, teams: tuple[str, ...], revoked: list[str], left: list[str], suspended: int
) -> None:
    """A workspace that is left keeps its members; whose workspaces are not known stays while one is left."""
    await _row(people, await people.member(), f"{ORG}/UTARO", *teams)
    assert await slack_linking.withdraw(people.hub, people.visit(), ORG, revoked, left=left) == suspended


async def test_all_that_goes_to_a_slack_contact_is_in_its_language(org: Chat) -> None:
    """A member with a Japanese Slack and an English browser reads Japanese; who chose a language reads that."""
    org.slack.workspace.user("UTARO").locale = "ja-JP"
    member = await org.house.people.member()
    await _linked(org, member)
    greeting = await org.slack.next_message("UTARO")
    assert "連携しました" in shown_in(greeting)
    member.contacts["Slack"] = (await Contact.get(channel="slack")).id
    await org.asked_for_code(member)
    assert "ワンタイムパスワード" in shown_in(await org.next_code())
