"""What every decision needs at hand: settings, keys, passwords, the outbox and the bells."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hub.domain.errors import HubError
from hub.outbox.queue import Outbox
from hub.runtime.alerts import Alarms
from hub.runtime.notifier import Wakeups
from hub.security import keyring
from hub.security.attempts import Tries
from hub.security.certificate_validation import CardTrust
from hub.security.keyring import KeyRing
from hub.security.password_hashing import PasswordGate
from hub.settings import Settings
from models.database import connected, missing_migrations


@dataclass(frozen=True, slots=True)
class Hub:
    """The hub of one process."""

    settings: Settings
    keys: KeyRing
    passwords: PasswordGate
    wakeups: Wakeups
    outbox: Outbox
    card_trust: CardTrust
    alarms: Alarms = field(default_factory=Alarms)
    tries: Tries = field(default_factory=Tries)


class OldSchemaError(HubError):
    """The database lacks migrations."""


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Hub]:
    """Open the hub on its database; OldSchemaError names the command that brings the schema up to date."""
    keys = keyring.load(settings.keys_file)
    async with connected(settings.database_url) as context:
        missing = await missing_migrations(context)
        if missing:
            message = f"The database lacks {', '.join(missing)}: run `tegata migrate`."
            raise OldSchemaError(message)
        wakeups = Wakeups()
        gate = PasswordGate(settings)
        try:
            async with wakeups.open(context):
                yield Hub(settings, keys, gate, wakeups, Outbox(settings, keys, wakeups), CardTrust(settings))
        finally:
            gate.close()
