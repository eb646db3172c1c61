"""What a process counts of its logins and of its kiosks' requests."""

from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar, assert_never

import structlog
from prometheus_client import Counter

from hub.domain.outcomes import Admitted, Begun, Busy, Reason, Refused, Throttled
from hub.domain.request_context import Visit

_log = structlog.get_logger(__name__)
Heard = Begun | Admitted | Refused | Throttled | Busy
Outcome = TypeVar("Outcome", bound=Heard)
Given = ParamSpec("Given")

_logins = Counter("tegata_logins_total", "Steps of logins, by what came of them.", ["outcome"])
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
