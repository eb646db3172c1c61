"""The loop that reads kept mail: take one, take it apart, tell what it means, have the hub act on it or shelve it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import assert_never

import structlog
from prometheus_client import Counter

from hub.context import Hub
from hub.domain.request_context import Visit
from hub.inbound import mail_commands, mail_queue
from hub.inbound.answers.commands import command_of, is_absence, is_courtesy
from hub.inbound.mail_commands import Answered, Automatic, Courtesy, Refuse, Said, Unclear
from hub.inbound.mail_queue import Unread
from hub.runtime.background import beside
from hub.runtime.outage import DATABASE_TROUBLE, Outage
from mail_gateway.inbound.delivery_reports import Delivered, Finding
from mail_gateway.inbound.parser_process import Reader
from mail_gateway.inbound.parsing import Parsed, UnreadableError
from mail_gateway.inbound.sender_authentication import Examiner, Message
from models.kinds import MailUse, Verdict, Zone

Clock = Callable[[], datetime]
_A_TURN = 10
_IDLE = 1.0
_AFTER_TROUBLE = 1.0
_ABSENCE = "its words tell of an absence"
_FOR_OPERATOR = "it is for the operator: postmaster or abuse"
_NOT_NULL = "it came where reports come, and not from the null sender"
_NO_REPORT = "it is no delivery report that can be told"
_log = structlog.get_logger(__name__)
_verdicts = Counter("tegata_mail_read_total", "Messages read, by what they were taken for.", ["verdict"])


class Reading:
    """One process's eyes on the kept mail."""

    def __init__(self, hub: Hub, examiner: Examiner, *, clock: Clock, reader: Reader | None = None) -> None:
        self._hub = hub
        self._examiner = examiner
        self._clock = clock
        self._reader = reader or Reader()
        self._outage = Outage("mail reader")

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Reading"]:
        """Read while this lasts; a message under way is read again by whoever comes after."""
        try:
            async with beside(self._run()):
                yield self
        finally:
            await self._reader.close()

    async def _run(self) -> None:
        while True:
            try:
                await self._once()
            except DATABASE_TROUBLE as error:
                await self._outage.wait(error)
            except Exception:
                # The loop must live on; the message comes again after its lease, and is shelved if it stays so.
                _log.exception("reading.trouble")
                await asyncio.sleep(_AFTER_TROUBLE)

    async def _once(self) -> None:
        with self._hub.wakeups.listening(mail_queue.TOPIC) as bell:
            unread = await mail_queue.claim(self._hub, limit=_A_TURN, now=self._clock())
            self._outage.over()
            if not unread:
                await bell.heard(timeout=_IDLE)
        # Side by side: one that waits for the domain name system holds nobody else up.
        async with asyncio.TaskGroup() as group:
            for one in unread:
                group.create_task(self._judged(one))

    async def _judged(self, unread: Unread) -> None:
        try:
            verdict = await self._read(unread)
        except Exception as error:
            # One message must not stop the others; it comes again after its lease, and is shelved if it stays so.
            _log.exception("reading.trouble", message=unread.id, error=type(error).__name__)
            return
        if verdict is not None:
            _verdicts.labels(str(verdict)).inc()
            _log.info("mail.read", message=unread.id, delivery=unread.recipient.delivery_id, verdict=str(verdict))

    async def _read(self, unread: Unread) -> Verdict | None:
        if unread.recipient.use is MailUse.OPERATOR:
            # It is for a person: nothing in it is taken apart, answered or obeyed.
            return await self._shelved(unread, _FOR_OPERATOR)
        try:
            parsed = await self._reader.parse(unread.content, is_report=unread.recipient.use is MailUse.BOUNCE)
        except UnreadableError as error:
            return await self._unreadable(unread, str(error))
        match unread.recipient.use:
            case MailUse.BOUNCE:
                return await self._reported(unread, parsed)
            case MailUse.REPLY:
                return await self._replied(unread, parsed)
            case _:
                assert_never(unread.recipient.use)

    async def _reported(self, unread: Unread, parsed: Parsed) -> Verdict | None:
        """Tell the hub what a report says; it has the null sender, or it is none (RFC 3464, 2)."""
        if unread.sender:
            return await self._shelved(unread, _NOT_NULL)
        report = parsed.report
        match report:
            case Finding(bounce, by):
                return await mail_commands.report(self._hub, self._visit(unread), unread, bounce, by=by)
            case Delivered():
                return await self._taken(unread, Verdict.DELIVERED, "")
            case None if parsed.machine and parsed.machine != "multipart/report":
                return await self._taken(unread, Verdict.AUTOMATIC, parsed.machine)
            case None:
                return await self._shelved(unread, _NO_REPORT)
            case _:
                assert_never(report)

    async def _replied(self, unread: Unread, parsed: Parsed) -> Verdict | None:
        if not unread.sender and isinstance(parsed.report, Finding) and parsed.report.by == "status":
            # Some servers report to the Reply-To: what is written by RFC 3464 counts there, too.
            return await self._reported(unread, parsed)
        machine = self._machine(unread, parsed)
        if machine:
            return await self._taken(unread, Verdict.AUTOMATIC, machine)
        return await self._obeyed(unread, parsed, _said(parsed))

    async def _obeyed(self, unread: Unread, parsed: Parsed, said: Said) -> Verdict | None:
        results = await self._examiner.examine(
            Message(unread.content, unread.peer, unread.helo, unread.sender, parsed.from_address)
        )
        # One id with two texts is two messages.
        identity = f"{parsed.identity} {parsed.text}"
        answered = Answered(said, parsed.message_id, identity, results.is_doubtful, results.line)
        return await mail_commands.act(self._hub, self._visit(unread), unread, answered)

    def _machine(self, unread: Unread, parsed: Parsed) -> str:
        """Say by what it is known that no person wrote this; empty when a person may have (RFC 3834, 2)."""
        if not unread.sender:
            return "null sender"
        if self._is_ours(unread.sender) or self._is_ours(parsed.from_address):
            return "our own mail"
        return parsed.machine

    async def _taken(self, unread: Unread, verdict: Verdict, reason: str) -> Verdict | None:
        taken = await mail_queue.take(unread, verdict, reason, now=self._clock())
        return verdict if taken else None

    async def _unreadable(self, unread: Unread, reason: str) -> Verdict | None:
        """Shelve what can't be taken apart; a person who answered a letter with it gets a help letter."""
        if unread.recipient.use is MailUse.REPLY and unread.sender and not self._is_ours(unread.sender):
            return await mail_commands.shelve(self._hub, self._visit(unread), unread, reason)
        return await self._shelved(unread, reason)

    def _is_ours(self, address: str) -> bool:
        return address.lower().endswith(f"@{self._hub.settings.mail_domain}")

    async def _shelved(self, unread: Unread, reason: str) -> Verdict | None:
        return await mail_queue.shelve(unread.id, unread.lease, reason, now=self._clock())

    def _visit(self, unread: Unread) -> Visit:
        return Visit(self._clock(), unread.peer, Zone.OFF_CAMPUS, "mail")


def _said(parsed: Parsed) -> Said:
    """Tell what a message's words say; a denial counts even where the message may be a machine's."""
    command = command_of(parsed.text, parsed.writer)
    if isinstance(command, Refuse):
        return command
    away = is_absence(parsed.text)
    sign = parsed.doubt or (_ABSENCE if away else "")
    if sign:
        return Automatic(sign, is_absence=away)
    if command is not None:
        return command
    return Courtesy() if is_courtesy(parsed.text, parsed.writer) else Unclear()
