"""`/tegata link` and `/tegata unlink`."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, assert_never

from slack_sdk.errors import SlackApiError

from bot.context import Desk, Heard
from bot.rendering import views
from bot.rendering.catalogue import Say, escaped, say
from bot.rendering.outcome_text import waiting
from bot.replies import responses
from bot.replies.reply_routes import UNREACHED
from hub.contacts import slack_linking
from hub.contacts.slack_linking import LinkAsked, Linked, Profile, Unlinked
from hub.domain.outcomes import Refused, Throttled
from hub.settings import NUMBERS

_UNWANTED = ("is_bot", "is_restricted", "is_ultra_restricted", "is_stranger", "deleted", "is_workflow_bot")


@dataclass(frozen=True, slots=True)
class Person:
    """What Slack tells of a user."""

    profile: Profile
    teams: frozenset[str]
    is_member: bool


async def link(desk: Desk, heard: Heard) -> None:
    """Give a member the address of the page on which the Slack account is linked."""
    with suppress(SlackApiError, *UNREACHED):
        # The workspace's name is good to have, no more.
        await desk.workspaces.know()
    person = await person_of(desk, heard)
    language = person.profile.language
    service = desk.hub.settings.service_in(language)
    if not await desk.workspaces.count(person.teams):
        sentence = say(Say.NOT_THIS_WORKSPACE, language, service=service)
    elif not person.is_member:
        sentence = say(Say.NOT_FOR_GUESTS, language)
    else:
        outcome = await slack_linking.ask(desk.hub, desk.visit(language), person.profile)
        if isinstance(outcome, Throttled):
            sentence = waiting(outcome, language, desk.hub.settings.zone, now=desk.clock())
        else:
            sentence = _told(outcome, language, service)
    await responses.tell(desk, heard, sentence, [views.spoken(sentence)], language=language)


async def unlink(desk: Desk, heard: Heard) -> None:
    """End the linking of the Slack account that asks."""
    language = await responses.language_of(desk, heard)
    outcome = await slack_linking.unlink(desk.hub, desk.visit(language), heard.member.address)
    match outcome:
        case Unlinked(account, label):
            sentence = say(Say.UNLINKED, language, account=escaped(account), label=escaped(label))
        case Refused():
            sentence = say(Say.NOT_LINKED, language, service=desk.hub.settings.service_in(language))
        case _:
            assert_never(outcome)
    await responses.tell(desk, heard, sentence, language=language)


async def person_of(desk: Desk, heard: Heard) -> Person:
    """Ask Slack who somebody is."""
    member = heard.member
    told = await desk.client.users_info(user=member.user, include_locale=True)
    user = told["user"]
    profile = user.get("profile") or {}
    name = profile.get("real_name") or user.get("real_name") or user.get("name") or member.user
    handle = user.get("name") or ""
    # In a channel shared with others, a user may belong to a workspace that is not the one we are in.
    home = user.get("team_id") or heard.workspace
    theirs = {heard.workspace, member.team} - {""}
    is_ours = home in theirs or bool(theirs & set(teams_of(user))) or organisation_of(user) == member.team
    teams = {heard.workspace, *teams_of(user)} - {""}
    is_organisation = member.team != heard.workspace
    return Person(
        Profile(
            member.address,
            f"{name} (@{handle})" if handle else name,
            desk.workspaces.name_of(heard.workspace, heard.domain),
            tuple(sorted(teams & desk.workspaces.all)) if is_organisation else (),
            desk.locales.learn(member.user, user),
        ),
        frozenset(teams or {member.team}),
        is_ours and is_full_member(user),
    )


def is_full_member(user: Mapping[str, Any]) -> bool:
    """PURE: tell whether somebody, as Slack tells of them, is neither gone nor a guest, a bot or a stranger."""
    return not any(user.get(name) for name in _UNWANTED)


def teams_of(user: Mapping[str, Any]) -> tuple[str, ...]:
    """PURE: name the workspaces of an organisation that a user of it is in; none outside one."""
    return tuple((user.get("enterprise_user") or {}).get("teams") or ())


def organisation_of(user: Mapping[str, Any]) -> str:
    """PURE: name the organisation that a user belongs to; empty outside one."""
    return str((user.get("enterprise_user") or {}).get("enterprise_id") or user.get("enterprise_id") or "")


def _told(outcome: LinkAsked | Linked, language: str, service: str) -> str:
    match outcome:
        case LinkAsked(url):
            minutes = str(int(NUMBERS.slack_link_life.total_seconds()) // 60)
            words = say(Say.LINK, language, service=escaped(service), minutes=minutes)
            return f"{words}\n<{url}|{say(Say.LINK_OPEN, language)}>"
        case Linked():
            return say(Say.LINKED_ALREADY, language, account=escaped(outcome.account), label=escaped(outcome.label))
        case _:
            assert_never(outcome)
