"""What a process counts of its logins and reads of its rows, for whoever watches it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import ParamSpec, TypeVar, assert_never

import structlog
from prometheus_client import Counter, Gauge

from hub.context import Hub
from hub.domain.outcomes import Admitted, Begun, Busy, Reason, Refused, Throttled
from hub.domain.request_context import Visit
from hub.inbound import mail_queue
from hub.security import audit

_log = structlog.get_logger(__name__)
Heard = Begun | Admitted | Refused | Throttled | Busy
Outcome = TypeVar("Outcome", bound=Heard)
Given = ParamSpec("Given")

_logins = Counter("tegata_logins_total", "Steps of logins, by what came of them.", ["outcome"])
_due = Gauge("tegata_outbox_due", "Deliveries that are due and not made yet.", ["channel"])
_age = Gauge("tegata_outbox_oldest_seconds", "Age of the oldest of them.", ["channel"])
_kept = Gauge("tegata_mail_kept", "Messages that came in and are kept, by how they stand.", ["state"])
_unread_age = Gauge("tegata_mail_unread_oldest_seconds", "Age of the unread message that waits longest for its turn.")
_sealed = Gauge(
    "tegata_audit_sealed_events", "Events that the newest seal of the audit covers; keep both elsewhere.", ["seal"]
)
_queue = Gauge("tegata_password_queue", "Claimants whose password is hashed or waits for it.")

_wrong = Gauge("tegata_wrong_passwords_a_minute", "Wrong passwords that this process heard in the last minute.")
_names = Gauge("tegata_wrong_password_names_a_minute", "For how many different names they were.")
_waiting = Gauge("tegata_throttle_queue", "Tries that wait for their turn, since many were wrong before them.")

_at_kiosks = Counter("tegata_kiosk_requests_total", "What kiosks asked, by what came of it.", ["step", "outcome"])

# Counted from nought, so that the first spraying is a rise and not a series that begins.
for _outcome in (
    "begun",
    "admitted",
    "throttled",
    "busy",
    Reason.PASSWORD_WRONG,
    Reason.ANSWER_WRONG,
    Reason.ANSWER_STALE,
    Reason.TRIES_SPENT,
    Reason.CHALLENGE_OVER,
    Reason.KIND_CLOSED,
    Reason.NOTHING_BOUND,
    Reason.LOGIN_OVER,
    Reason.NOT_OFFERED,
):
    _logins.labels(_outcome)


def counted(step: Callable[Given, Awaitable[Outcome]]) -> Callable[Given, Awaitable[Outcome]]:
    """Count what comes of a login's step, whichever door it was taken at."""

    async def taken(*args: Given.args, **kwargs: Given.kwargs) -> Outcome:
        outcome = await step(*args, **kwargs)
        _logins.labels(_name(outcome)).inc()
        if isinstance(outcome, Throttled | Busy):
            # The audit does not tell of it: nothing was compared.
            visit = next((one for one in args if isinstance(one, Visit)), None)
            _log.info("login.refused", kind=_name(outcome), address=visit.address if visit else "")
        return outcome

    return taken


def count_at_kiosk(step: str, outcome: str) -> None:
    """Count what came of a kiosk's request."""
    _at_kiosks.labels(step, outcome).inc()


async def look(hub: Hub, *, now: datetime) -> None:
    """Read what only the rows and the queue can tell; call it before the measures are given out."""
    _queue.set(hub.passwords.waiting)
    wrong, names = hub.tries.last_minute(now=now)
    _wrong.set(wrong)
    _names.set(names)
    _waiting.set(hub.tries.queues.waiting)
    for channel, backlog in (await hub.outbox.backlog(now=now)).items():
        _due.labels(channel).set(backlog.due)
        _age.labels(channel).set((now - backlog.since).total_seconds() if backlog.since else 0)
    kept = await mail_queue.kept()
    _kept.labels("unread").set(kept.unread)
    _kept.labels("shelved").set(kept.shelved)
    _kept.labels("for-operator").set(kept.for_operator)
    newest = await audit.newest()
    # One series at a time: a seal that is over says nothing new.
    _sealed.clear()
    if newest is not None:
        _sealed.labels(newest.seal).set(newest.events)
    _unread_age.set((now - kept.since).total_seconds() if kept.since else 0)


def _name(outcome: Heard) -> str:
    match outcome:
        case Begun():
            return "begun"
        case Admitted():
            return "admitted"
        case Refused(reason):
            return reason
        case Throttled():
            return "throttled"
        case Busy():
            return "busy"
    assert_never(outcome)
