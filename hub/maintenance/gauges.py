"""What a process reads of its rows for those who watch it."""

from datetime import datetime

from prometheus_client import Gauge

from hub.context import Hub
from hub.inbound import mail_queue
from hub.security import audit

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
