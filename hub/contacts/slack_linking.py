"""Linking a Slack account: asked for in Slack, said to be one's own on the web, ended from either side."""

import hmac
import secrets
from base64 import b32encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from tortoise.transactions import in_transaction

from hub.contacts import contacts, suspension
from hub.contacts.suspension import Suspended
from hub.context import Hub
from hub.domain import clock
from hub.domain.identifiers import fold_label, label_or_refusal
from hub.domain.outcomes import Confirmed, Hold, Reason, Refused, Throttled
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.runtime import locks
from hub.security import audit, challenges
from hub.security.keyring import KeyRing
from hub.sessions import sessions
from hub.sessions.sessions import Current
from hub.settings import NUMBERS
from models.account import Account
from models.contact import Contact
from models.delivery import Delivery
from models.kinds import Channel, EventKind, Notice
from models.queries import insert, insert_unless_taken, where
from models.slack import SlackLink, SlackMember

_PURPOSE = "slack-link"
_NONCE_BYTES = 16
_TOKEN_BYTES = 16
_TEAMS_LENGTH = 255
_RESUMABLE = (Suspended.SLACK_AWAY, Suspended.SLACK_GONE)


@dataclass(frozen=True, slots=True)
class Profile:
    """A Slack account: its address `TEAM/USER`, and the names that people know it by.

    In an organisation TEAM is the organisation's id, and `teams` are its admitted workspaces that the person is in.
    """

    address: str
    name: str
    workspace: str
    teams: tuple[str, ...] = ()
    language: str = ""

    @property
    def shown(self) -> str:
        """What stands in the list of contacts."""
        return f"{self.name} ({self.workspace})" if self.workspace else self.name


@dataclass(frozen=True, slots=True)
class Linked:
    """A Slack account that is linked, and to what."""

    contact_id: int
    account_id: int
    account: str
    language: str
    label: str


@dataclass(frozen=True, slots=True)
class LinkAsked:
    """A linking that waits for its page, which opens at `url` until `expires_at`."""

    url: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Unlinked:
    """It is linked no more."""

    account: str
    label: str


async def ask(hub: Hub, visit: Visit, profile: Profile) -> LinkAsked | Linked | Throttled:
    """Begin a linking for whoever is logged in to Slack as this; Linked when it is so already."""
    linked = await linked_to(profile.address)
    if linked is not None:
        return linked
    link = SlackLink(
        address=profile.address,
        name=_legible(profile.name)[:120],
        workspace=_legible(profile.workspace)[:80],
        key=hub.keys.current,
        nonce=secrets.token_bytes(_NONCE_BYTES),
        asked_at=visit.now,
        expires_at=visit.now + NUMBERS.slack_link_life,
        teams=_written(profile.teams),
        language=profile.language,
    )
    lately = where(
        SlackLink,
        address=profile.address,
        asked_at__gt=visit.now - NUMBERS.slack_link_life,
        asked_at__lte=clock.latest(visit.now),
    )
    async with in_transaction():
        # One at a time: of many at once none may find that few were asked for yet.
        await locks.take_address(profile.address)
        if await lately.count() >= NUMBERS.confirmations_a_day:
            return Throttled(NUMBERS.slack_link_life, Hold.LINKS)
        await insert(link)
        await audit.record(hub.keys, EventKind.SLACK_LINK_ASKED, visit, None, slack=profile.address)
    return LinkAsked(f"{hub.settings.origin}/slack/link/{_token_of(hub.keys, link)}", link.expires_at)


async def opened_link(hub: Hub, token: str, *, now: datetime) -> Profile | Refused:
    """Tell whose Slack account a URL would link; changes nothing, whoever follows it."""
    link = await _by_token(hub.keys, token)
    if link is None:
        return Refused(Reason.NOT_FOUND)
    return _profile(link) if _is_live(link, now) else Refused(Reason.LINK_OVER)


async def link(hub: Hub, visit: Visit, session: Current, token: str, label: str) -> Confirmed | Refused:
    """Link a Slack account to the session's own account, under a label; codes may go there at once."""
    reason = sessions.hindrance(session, visit)
    if reason is not None:
        return Refused(reason)
    named = label_or_refusal(label)
    if isinstance(named, Refused):
        return named
    async with in_transaction():
        await locks.take(session.account_id)
        found = await _by_token(hub.keys, token)
        if found is None:
            return Refused(Reason.NOT_FOUND)
        if not _is_live(found, visit.now):
            return await _linked_again(session, found, named, visit.now) or Refused(Reason.LINK_OVER)
        contact = await _bound(session.account_id, _profile(found), named, visit.now)
        if isinstance(contact, Refused):
            return contact
        if await where(SlackLink, id=found.id, used_at=None).update(used_at=visit.now) != 1:
            return Refused(Reason.LINK_OVER)
        told = await _told(hub, visit, contact, by=session.id)
    await notices.rouse(hub.outbox, told)
    return Confirmed(contact.id, contact.label, await contacts.is_first(contact))


async def linked_to(address: str) -> Linked | None:
    """Tell what a Slack account is linked to; None when to nothing, or only to what is suspended or disabled."""
    member = await where(SlackMember, address=address).first()
    contact = await where(Contact, id=member.contact_id, suspended_at=None).first() if member else None
    account = await where(Account, id=contact.account_id, disabled_at=None).first() if contact else None
    if contact is None or account is None:
        return None
    language = account.language or (member.language if member else "")
    return Linked(contact.id, account.id, account.name, language, contact.label)


async def remember(address: str, *, language: str = "", teams: Iterable[str] = ()) -> None:
    """Keep what Slack says about a linked person: the language, and workspaces that the person acts from."""
    member = await where(SlackMember, address=address).first()
    if member is None:
        return
    known = _written([*member.teams.split(), *teams])
    if (language or member.language, known) != (member.language, member.teams):
        await where(SlackMember, id=member.id).update(language=language or member.language, teams=known)


async def unlink(hub: Hub, visit: Visit, address: str) -> Unlinked | Refused:
    """End a linking on the word of the Slack account's owner; the member is told on the other contacts."""
    async with in_transaction():
        linked = await SlackMember.filter(address=address).select_related("contact").first()
        if linked is not None:
            await locks.take(linked.contact.account_id)
        # Read anew behind the account's row: it may have been unlinked meanwhile, and is told of once.
        member = await SlackMember.filter(address=address).select_related("contact__account").first()
        if member is None:
            return Refused(Reason.NOT_FOUND)
        contact = member.contact
        told = await contacts.unbind(hub, visit, contact, knows=True)
    await notices.rouse(hub.outbox, told)
    return Unlinked(contact.account.name, contact.label)


async def suspend(hub: Hub, visit: Visit, addresses: Iterable[str]) -> int:
    """Suspend what is linked to these Slack accounts, whose owners left; returns how many were."""
    members = await SlackMember.filter(address__in=list(addresses)).select_related("contact")
    return await _suspended(hub, visit, members, Suspended.SLACK_LEFT)


async def suspend_workspace(hub: Hub, visit: Visit, team: str) -> int:
    """Suspend what is linked to a whole workspace or organisation that took the app out; returns how many were."""
    members = await SlackMember.filter(address__startswith=f"{team}/").select_related("contact")
    return await _suspended(hub, visit, members, Suspended.SLACK_AWAY)


async def withdraw(hub: Hub, visit: Visit, organisation: str, teams: Iterable[str], *, left: Iterable[str]) -> int:
    """Suspend those of an organisation whom only these workspaces admitted; `left` are those that still admit."""
    withdrawn, rest = set(teams), set(left)
    lost = []
    for member in await SlackMember.filter(address__startswith=f"{organisation}/").select_related("contact"):
        remaining = [team for team in member.teams.split() if team not in withdrawn]
        # Of a row without workspaces it is not known which of those that are left admits its owner.
        is_admitted = bool(remaining) or (not member.teams and bool(rest))
        if not is_admitted:
            # Its workspaces stay written: `resume` finds it by them.
            lost.append(member)
        elif remaining != member.teams.split():
            await where(SlackMember, id=member.id).update(teams=_written(remaining))
    for team in withdrawn:
        lost += await SlackMember.filter(address__startswith=f"{team}/").select_related("contact")
    return await _suspended(hub, visit, lost, Suspended.SLACK_AWAY)


async def resume(hub: Hub, visit: Visit, workspace: str) -> int:
    """Lift the suspensions that the app's or the account's absence from a workspace caused; returns how many.

    The contacts of people who were deactivated, or made guests, stay suspended.
    """
    members = await SlackMember.filter(contact__suspended_why__in=list(_RESUMABLE)).select_related("contact")
    number = 0
    for member in members:
        if not member.address.startswith(f"{workspace}/") and workspace not in member.teams.split():
            continue
        async with in_transaction():
            told = await suspension.resume(hub, visit, member.contact)
        if told is not None:
            number += 1
            await notices.rouse(hub.outbox, told)
    return number


async def adopt(hub: Hub, visit: Visit, organisation: str, teams: Iterable[str]) -> int:
    """Name linked people by their organisation, who were named by a workspace before; returns how many.

    Of two rows of one person the older stays; the other is suspended, for a Slack account has one account.
    """
    number = 0
    for team in sorted(set(teams) - {organisation}):
        for member in await SlackMember.filter(address__startswith=f"{team}/").order_by("id").select_related("contact"):
            address = f"{organisation}/{member.address.partition('/')[2]}"
            if await SlackMember.exists(address=address):
                await _suspended(hub, visit, [member], Suspended.SLACK_GONE)
                continue
            async with in_transaction():
                known = _written([*member.teams.split(), team])
                await where(SlackMember, id=member.id).update(address=address, teams=known)
                await where(Contact, id=member.contact_id).update(address=address, address_folded=address)
                await Delivery.filter(contact_id=member.contact_id, address=member.address).update(
                    address=address, address_folded=address
                )
            number += 1
    return number


async def _suspended(hub: Hub, visit: Visit, members: Iterable[SlackMember], why: Suspended) -> int:
    number = 0
    for member in members:
        async with in_transaction():
            told = await suspension.suspend(hub, visit, member.contact, why)
        if told is not None:
            number += 1
            await notices.rouse(hub.outbox, told)
    return number


async def _linked_again(session: Current, found: SlackLink, label: str, now: datetime) -> Confirmed | None:
    """Find what the same form linked within the last seconds: it was sent twice."""
    if found.used_at is None or found.used_at <= now - NUMBERS.repeat_life:
        return None
    contact = await where(
        Contact, account_id=session.account_id, address=found.address, label_folded=fold_label(label)
    ).first()
    return Confirmed(contact.id, contact.label, await contacts.is_first(contact)) if contact else None


async def _bound(account_id: int, profile: Profile, label: str, now: datetime) -> Contact | Refused:
    """Write the contact of a Slack account, or lift the suspension of the one there is."""
    mine = await where(Contact, account_id=account_id).all()
    member = await where(SlackMember, address=profile.address).first()
    before = next((one for one in mine if member is not None and one.id == member.contact_id), None)
    if member is not None and (before is None or before.suspended_at is None):
        return Refused(Reason.LINKED_ALREADY)
    others = [one for one in mine if before is None or one.id != before.id]
    if any(one.label_folded == fold_label(label) for one in others):
        return Refused(Reason.LABEL_TAKEN)
    if before is None and len(mine) >= NUMBERS.contacts:
        return Refused(Reason.TOO_MANY)
    contact = before or Contact(
        account_id=account_id,
        channel=Channel.SLACK,
        address=profile.address,
        address_folded=profile.address,
        added_at=now,
    )
    contact.label, contact.label_folded, contact.shown = label, fold_label(label), profile.shown[:200]
    contact.confirmed_at, contact.suspended_at, contact.suspended_why = now, None, ""
    await contact.save()
    known = {"teams": _written(profile.teams), "language": profile.language}
    if before is not None:
        await where(SlackMember, address=profile.address).update(**known)
        return contact
    if not await insert_unless_taken(SlackMember(address=profile.address, contact_id=contact.id, **known)):
        # Somebody else was quicker, to another account.
        await contact.delete()
        return Refused(Reason.LINKED_ALREADY)
    return contact


async def _told(hub: Hub, visit: Visit, contact: Contact, *, by: int) -> frozenset[Channel]:
    """Tell it in Slack, and on every other contact."""
    account_id = contact.account_id
    await audit.record(hub.keys, EventKind.CONTACT_ADDED, visit, account_id, contact=contact.id, label=contact.label)
    await audit.record(hub.keys, EventKind.CONTACT_CONFIRMED, visit, account_id, contact=contact.id, by="slack")
    return await notices.tell_all(hub.outbox, visit, account_id, Notice.SLACK_LINKED, about=contact.label, by=by)


def _legible(name: str) -> str:
    """Leave out of a name that people chose what can't be seen, reorders what stands beside it, or begins a line."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in name).split())


def _written(teams: Iterable[str]) -> str:
    """Write workspaces into one column, each once."""
    return " ".join(sorted(set(teams)))[:_TEAMS_LENGTH]


def _is_live(link: SlackLink, now: datetime) -> bool:
    return link.used_at is None and link.expires_at > now


def _profile(link: SlackLink) -> Profile:
    return Profile(link.address, link.name, link.workspace, tuple(link.teams.split()), link.language)


def _token_of(keys: KeyRing, link: SlackLink) -> str:
    """Derive the token that a linking's URL carries: its id and 128 bits, letters and digits."""
    parts = (str(link.id).encode(), bytes(link.nonce), link.address.encode())
    mac = keys.mac_of(_PURPOSE, *parts, key_id=link.key, made_at=link.asked_at)
    return f"{link.id}-{b32encode(mac[:_TOKEN_BYTES]).decode().rstrip('=').lower()}"


async def _by_token(keys: KeyRing, token: str) -> SlackLink | None:
    """Find the linking that a token belongs to; the token's id only says where to look."""
    link_id = challenges.id_in(token)
    found = await where(SlackLink, id=link_id).first() if link_id is not None else None
    if found is None:
        return None
    return found if hmac.compare_digest(_token_of(keys, found).encode(), token.lower().encode()) else None
