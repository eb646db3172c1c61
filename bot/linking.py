"""`/tegata link` and `/tegata unlink`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from bot.desk import Desk, Heard, Member
from bot.locales import language_in
from bot.words import Say, escaped, say
from hub import slack_links
from hub.outcome import Refused, Throttled
from hub.settings import NUMBERS
from hub.slack_links import LinkAsked, Linked, Profile, Unlinked

_UNWANTED = ("is_bot", "is_restricted", "is_ultra_restricted", "is_stranger", "deleted", "is_workflow_bot")


@dataclass(frozen=True, slots=True)
class Person:
    """What Slack tells of a user."""

    profile: Profile
    language: str
    is_member: bool


async def link(desk: Desk, heard: Heard) -> None:
    """Give a member the address of the page on which the Slack account is linked."""
    service = desk.hub.settings.service_name
    person = await person_of(desk, heard.member)
    if not await desk.workspaces.count(heard.member.team):
        await heard.respond(say(Say.NOT_THIS_WORKSPACE, person.language, service=service))
        return
    if not person.is_member:
        await heard.respond(say(Say.NOT_FOR_GUESTS, person.language))
        return
    outcome = await slack_links.ask(desk.hub, desk.visit(person.language), person.profile)
    await heard.respond(_told(outcome, person.language, service))


async def unlink(desk: Desk, heard: Heard) -> None:
    """End the linking of the Slack account that asks."""
    language = await language_of(desk, heard.member)
    outcome = await slack_links.unlink(desk.hub, desk.visit(language), heard.member.address)
    match outcome:
        case Unlinked(account, label):
            sentence = say(Say.UNLINKED, language, account=escaped(account), label=escaped(label))
        case Refused():
            sentence = say(Say.NOT_LINKED, language, service=desk.hub.settings.service_name)
        case _:
            assert_never(outcome)
    await heard.respond(sentence)


async def language_of(desk: Desk, member: Member) -> str:
    """Tell a member's language: the account's own, or Slack's."""
    linked = await slack_links.linked_to(member.address)
    if linked is not None and linked.language:
        return linked.language
    return await desk.locales.of(member.user)


async def person_of(desk: Desk, member: Member) -> Person:
    """Ask Slack who somebody is."""
    told = await desk.client.users_info(user=member.user, include_locale=True)
    user = told["user"]
    profile = user.get("profile") or {}
    name = profile.get("real_name") or user.get("real_name") or user.get("name") or member.user
    handle = user.get("name") or ""
    # In a channel shared with others, a user may belong to a workspace that is not the one we are in.
    home = user.get("team_id") or member.team
    is_ours = home == member.team or member.team in teams_of(user)
    return Person(
        Profile(member.address, f"{name} (@{handle})" if handle else name, await desk.workspaces.name_of(member.team)),
        language_in(user),
        is_ours and is_full_member(user),
    )


def is_full_member(user: Mapping[str, Any]) -> bool:
    """PURE: tell whether somebody, as Slack tells of them, is neither gone nor a guest, a bot or a stranger."""
    return not any(user.get(name) for name in _UNWANTED)


def teams_of(user: Mapping[str, Any]) -> tuple[str, ...]:
    """PURE: name the workspaces of an organisation that a user of it is in; none outside one."""
    return tuple((user.get("enterprise_user") or {}).get("teams") or ())


def _told(outcome: LinkAsked | Linked | Throttled, language: str, service: str) -> str:
    match outcome:
        case LinkAsked(url):
            minutes = str(int(NUMBERS.slack_link_life.total_seconds()) // 60)
            words = say(Say.LINK, language, service=escaped(service), minutes=minutes)
            return f"{words}\n<{url}|{say(Say.LINK_OPEN, language)}>"
        case Linked():
            return say(Say.LINKED_ALREADY, language, account=escaped(outcome.account), label=escaped(outcome.label))
        case Throttled():
            return say(Say.NOT_NOW, language)
        case _:
            assert_never(outcome)
