"""How the mail door is put together: the sender, the listeners, the reader of what came in, and what each tells."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from hub.contacts.suspension import ALARM, Bounce, BounceKind, bounced
from hub.context import Hub
from hub.domain.errors import HubError
from hub.domain.identifiers import domain_of
from hub.domain.request_context import Visit
from hub.inbound.mail_queue import Intake
from hub.outbox.messages import Claimed, Failed
from hub.settings import Settings, listen_of
from mail_gateway.inbound import smtp_server
from mail_gateway.inbound.capacity import Room
from mail_gateway.inbound.sender_authentication import Examiner
from mail_gateway.inbound.smtp_server import Door, Doorkeeper
from mail_gateway.inbound.worker import Reading
from mail_gateway.outbound import dkim_keys
from mail_gateway.outbound.dkim_key_watcher import Renewal
from mail_gateway.outbound.dkim_keys import Signer
from mail_gateway.outbound.messages import House
from mail_gateway.outbound.relay import Relay
from mail_gateway.outbound.worker import Sender
from mail_gateway.settings import BadSmtpUrlError, relay_address
from models.kinds import Zone

Clock = Callable[[], datetime]
Trouble = Callable[[], str]


@dataclass(frozen=True, slots=True)
class MailDoor:
    """The mail door of one process; `renewal` where mail is signed, `room` where mail comes in."""

    hub: Hub
    clock: Clock
    sender: Sender
    renewal: Renewal | None
    room: Room | None
    keeper: Doorkeeper

    @property
    def parts(self) -> dict[str, Trouble]:
        """What each part of it says of itself."""
        hub, clock, sender = self.hub, self.clock, self.sender
        told: dict[str, Trouble] = {
            "mail": lambda: sender.trouble,
            ALARM: lambda: hub.alarms.standing(ALARM, now=clock()),
        }
        if (renewal := self.renewal) is not None:
            told["mail signing"] = lambda: renewal.trouble
        if (room := self.room) is not None:
            told["mail coming in"] = lambda: room.trouble
        return told

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send and take mail while this lasts."""
        async with AsyncExitStack() as stack:
            if self.renewal is not None:
                await stack.enter_async_context(self.renewal.running())
            await stack.enter_async_context(self.sender.running())
            if self.room is not None:
                await stack.enter_async_context(self.room.running())
                await stack.enter_async_context(_taking(self.hub, self.clock, self.room, self.keeper))
            yield


def built(hub: Hub, clock: Clock, *, most: int) -> MailDoor:
    """Put a hub's mail door together, which takes `most` connections at once; HubError when a setting can't be used."""
    settings = hub.settings
    house = House(
        settings.mail_from,
        settings.service_name,
        settings.origin,
        settings.zone,
        settings.help_url,
        settings.service_name_ja,
    )
    signer = _signer(settings, house)
    renewal = Renewal(signer, settings.dkim_keys) if signer is not None and settings.dkim_keys is not None else None
    takes_mail = settings.mail_domain and (settings.mail_listen or settings.lmtp_listen)
    room = Room(settings.mail_kept, clock) if takes_mail else None
    keeper = Doorkeeper(most=most)
    return MailDoor(hub, clock, _sender(hub, clock, house, signer), renewal, room, keeper)


def _sender(hub: Hub, clock: Clock, house: House, signer: Signer | None) -> Sender:
    settings = hub.settings
    try:
        address = relay_address(settings.smtp_url)
    except (BadSmtpUrlError, OSError) as error:
        message = f"TEGATA_SMTP_URL: {error}."
        raise HubError(message) from None
    relay = Relay(
        address,
        connections=settings.smtp_connections,
        timeout=settings.smtp_timeout,
        end_timeout=settings.smtp_end_timeout,
    )

    async def dead(claimed: Claimed, report: Failed) -> None:
        """Tell the hub of an address that the mail server refused as none: as good as a bounce."""
        visit = Visit(clock(), "", Zone.OFF_CAMPUS, "mail server")
        await bounced(hub, visit, claimed.id, Bounce(BounceKind.HARD, said=report.reply))

    return Sender(
        hub.outbox,
        relay,
        house,
        hands=settings.smtp_connections,
        clock=clock,
        signer=signer,
        dead=dead,
    )


def _signer(settings: Settings, house: House) -> Signer | None:
    if settings.dkim_keys is None:
        return None
    return Signer(dkim_keys.load(settings.dkim_keys), domain_of(house.envelope_sender))


@asynccontextmanager
async def _taking(hub: Hub, clock: Clock, room: Room, keeper: Doorkeeper) -> AsyncIterator[None]:
    """Take mail where the settings say, and read what was kept."""
    settings = hub.settings
    # One door behind both listeners, so that what it counts is all who came.
    door = Door(Intake(hub), clock, keeper, room, fronts=settings.mail_front_servers)
    async with AsyncExitStack() as stack:
        for where, is_lmtp in ((settings.mail_listen, False), (settings.lmtp_listen, True)):
            if where:
                await _listen(stack, door, settings, where=where, is_lmtp=is_lmtp)
        examiner = Examiner(
            settings.dns_resolver, authserv_id=settings.mail_authserv_id, fronts=settings.mail_front_servers
        )
        reading = Reading(hub, examiner, clock=clock)
        await stack.enter_async_context(reading.running())
        yield


async def _listen(stack: AsyncExitStack, door: Door, settings: Settings, *, where: str, is_lmtp: bool) -> None:
    tls = None
    if settings.mail_certificate is not None and settings.mail_certificate_key is not None and not is_lmtp:
        tls = smtp_server.tls_context(str(settings.mail_certificate), str(settings.mail_certificate_key))
    opening = smtp_server.listening(door, listen_of(where), is_lmtp=is_lmtp, hostname=settings.mail_domain, tls=tls)
    try:
        await stack.enter_async_context(opening)
    except HubError as error:
        message = f"{'TEGATA_LMTP_LISTEN' if is_lmtp else 'TEGATA_MAIL_LISTEN'}: {error}"
        raise HubError(message) from error
