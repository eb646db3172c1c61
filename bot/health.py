"""What stands between this app and Slack, by the method that showed it."""

from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from prometheus_client import Gauge

from bot.slack_errors import INACTIVE, Meaning, meaning_of

# What the bot does not work without; docs/slack.md says why.
SCOPES = ("commands", "chat:write", "im:write", "im:history", "users:read")
WHO_WE_ARE = "auth.test"
POST = "chat.postMessage"
_ALARMING = {Meaning.APP, Meaning.PASSING, Meaning.UNKNOWN}
_log = structlog.get_logger(__name__)
_stopped = Gauge(
    "tegata_slack_stopped", "Whether Slack refuses the app or one of its methods, so an operator must look."
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One method's last answer, when that needs an operator to look."""

    error: str
    meaning: Meaning
    needed: str = ""

    def __str__(self) -> str:
        return f"{self.error} ({self.needed})" if self.needed and self.needed != "auth" else self.error


class Health:
    """The refusals that stand: each is cleared only when its own method goes well."""

    def __init__(self) -> None:
        self._refusals: dict[str, Refusal] = {}
        # The scopes that Slack does not grant, of those that are needed.
        self.missing: tuple[str, ...] = ()
        _stopped.set(0)

    @property
    def trouble(self) -> str:
        """What an operator must know; empty when there is nothing."""
        for method in (WHO_WE_ARE, POST):
            refusal = self._refusals.get(method)
            if refusal is not None and refusal.meaning is Meaning.APP:
                return f"Slack refuses the app: {refusal.error}"
        for method, refusal in self._refusals.items():
            if refusal.meaning is Meaning.APP:
                return f"Slack refuses {method}: {refusal}"
            if refusal.meaning is Meaning.PASSING:
                return f"Slack does not take {method} for now: {refusal}"
            return f"Slack answers {method} with an error that is not known: {refusal}"
        if self.missing:
            return f"the app lacks the scope {', '.join(self.missing)}"
        return ""

    @property
    def stops_posting(self) -> str:
        """Why nothing is to be posted, by Slack's word; empty when posting may go on."""
        for method in (WHO_WE_ARE, POST):
            refusal = self._refusals.get(method)
            if refusal is not None and refusal.meaning is Meaning.APP:
                return refusal.error
        return ""

    def is_refused(self, method: str) -> bool:
        """Tell whether Slack refuses a method."""
        return method in self._refusals

    def refused(self, method: str, error: str, needed: str = "") -> None:
        """Note an error answer of a method; one that concerns a person or a message is no refusal of ours."""
        meaning = Meaning.APP if method == WHO_WE_ARE and error == INACTIVE else meaning_of(error)
        if meaning not in _ALARMING:
            return
        before, self._refusals[method] = self._refusals.get(method), Refusal(error, meaning, needed)
        if before is None or before.error != error:
            _log.error("slack.app_refused", method=method, error=error, needed=needed or None, meaning=str(meaning))
        self._measure()

    def went_well(self, method: str) -> bool:
        """Note that a method went well; True when it was refused before."""
        was_refused = self._refusals.pop(method, None) is not None
        if was_refused:
            _log.info("slack.app_taken_again", method=method)
            self._measure()
        return was_refused

    def granted(self, scopes: Iterable[str]) -> None:
        """Compare the scopes that Slack named with those that are needed; without any named nothing is known."""
        named = set(scopes)
        missing = tuple(scope for scope in SCOPES if scope not in named) if named else ()
        if self.missing and not missing:
            scoped = [method for method, one in self._refusals.items() if one.error == "missing_scope"]
            for method in scoped:
                del self._refusals[method]
        if missing and missing != self.missing:
            _log.error("slack.scopes_missing", missing=" ".join(missing))
        self.missing = missing
        self._measure()

    def _measure(self) -> None:
        alarms = any(one.meaning is not Meaning.PASSING for one in self._refusals.values())
        _stopped.set(1 if alarms or self.missing else 0)


def scopes_in(header: str) -> tuple[str, ...]:
    """PURE: read the scopes in the header `x-oauth-scopes`."""
    return tuple(part.strip() for part in header.split(",") if part.strip())
