"""The counts of wrong answers as an operator sees and clears them, by account or by network."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network

from tortoise.transactions import in_transaction

from hub.context import Hub
from hub.domain.errors import RefusedError
from hub.domain.identifiers import fold_account
from hub.domain.request_context import Visit
from hub.security import audit, rate_limits
from hub.security.rate_limits import Closed, Scope, Wait
from models.account import Account
from models.kinds import AuthenticatorKind, EventKind
from models.queries import beginning
from models.session import KnownBrowser
from models.throttle import Throttle

Net = IPv4Network | IPv6Network
_PAGE = 1000
_KINDS = {str(kind) for kind in AuthenticatorKind}
_SHOWN = {
    Scope.PASSWORD: "wrong passwords from {address}",
    Scope.ACCOUNT: "wrong passwords from all networks",
    Scope.BROWSER: "wrong passwords in a known browser",
    Scope.ADDRESS: "wrong answers from this network",
    Scope.ANSWER: "wrong answers with {kind}",
    Scope.KNOWN: "wrong answers with {kind} in a known browser",
    Scope.CONFIRM: "wrong confirmations with {kind}",
    Scope.ENROL: "wrong codes for enrolling a kiosk",
    Scope.KIOSK: "unknown card numbers at a kiosk",
}


@dataclass(frozen=True, slots=True)
class CountLine:
    """One count: its account or network, what was wrong how often, and what delays the next try."""

    of: str
    what: str
    wrong: int
    effect: str
    last_at: datetime


async def shown(about: str, *, now: datetime, limit: int) -> list[CountLine]:
    """List the counts of an account or a network, or the highest of all where neither is named."""
    rows = await _chosen(about) if about else await _all()
    names = {row.id: row.name for row in await Account.filter(id__in=sorted(_ids(rows)))}
    lines = [_line(row, names, now) for row in rows]
    return sorted((line for line in lines if line.wrong), key=lambda line: (-line.wrong, line.of))[:limit]


async def of_account(account: Account, *, now: datetime) -> tuple[CountLine, ...]:
    """List the counts of one account."""
    lines = [_line(row, {account.id: account.name}, now) for row in await _rows_of(account.folded, account.id)]
    return tuple(line for line in lines if line.wrong)


async def clear(hub: Hub, visit: Visit, about: str) -> int:
    """Forget the counts of an account or a network; returns how many there were."""
    async with in_transaction():
        rows = await _chosen(about)
        dropped = await Throttle.filter(id__in=[row.id for row in rows]).delete()
        account = None if _network(about) else await Account.get_or_none(folded=fold_account(about))
        detail = {} if account else {"of": about[:64]}
        await audit.record(
            hub.keys, EventKind.COUNTS_CLEARED, visit, account.id if account else None, counts=dropped, **detail
        )
    return dropped


def _network(about: str) -> Net | None:
    try:
        return ip_network(about, strict=False)
    except ValueError:
        return None


async def _chosen(about: str) -> list[Throttle]:
    network = _network(about)
    if network is not None:
        scopes = (Scope.ADDRESS, Scope.PASSWORD, Scope.ENROL)
        return [row for scope in scopes for row in await _in(scope) if _overlaps(row.subject, network)]
    folded = fold_account(about)
    account = await Account.get_or_none(folded=folded)
    rows = await _rows_of(folded, account.id if account else 0)
    if account is None and not rows:
        message = f"{about}: there is no such account or network, and no count of such a name."
        raise RefusedError(message)
    return rows


async def _rows_of(folded: str, account_id: int) -> list[Throttle]:
    """Find the counts of a name and its account."""
    rows = await beginning(Throttle, "subject", f"{Scope.PASSWORD}:").filter(subject__endswith=f":{folded}")
    rows += await Throttle.filter(subject=rate_limits.account_subject(folded))
    if not account_id:
        return rows
    for scope in (Scope.ANSWER, Scope.KNOWN, Scope.CONFIRM):
        rows += await beginning(Throttle, "subject", f"{scope}:{account_id}:")
    known = await KnownBrowser.filter(account_id=account_id).values_list("digest", flat=True)
    rows += await Throttle.filter(subject__in=[rate_limits.browser_subject(str(digest)) for digest in known])
    return rows


async def _all() -> list[Throttle]:
    return [row for scope in _SHOWN for row in await _in(scope)]


async def _in(scope: Scope) -> list[Throttle]:
    """Read all counts of a scope, a page at a time."""
    found: list[Throttle] = []
    last = 0
    counts = beginning(Throttle, "subject", f"{scope}:")
    while rows := await counts.filter(id__gt=last).order_by("id").limit(_PAGE):
        found += rows
        last = rows[-1].id
    return found


def _overlaps(subject: str, network: Net) -> bool:
    _, _, rest = subject.partition(":")
    address = rest.rpartition(":")[0] if subject.startswith(f"{Scope.PASSWORD}:") else rest
    other = _network(address)
    return other is not None and other.version == network.version and other.overlaps(network)


def _ids(rows: Iterable[Throttle]) -> Iterator[int]:
    for row in rows:
        scope, _, rest = row.subject.partition(":")
        number = rest.partition(":")[0]
        if scope in {Scope.ANSWER, Scope.KNOWN, Scope.CONFIRM} and number.isdecimal():
            yield int(number)


def _line(row: Throttle, names: dict[int, str], now: datetime) -> CountLine:
    scope, _, rest = row.subject.partition(":")
    known = Scope(scope)
    address, _, name = rest.rpartition(":")
    parts = rest.split(":")
    kind = AuthenticatorKind(parts[1]).replace("_", " ") if len(parts) > 1 and parts[1] in _KINDS else ""
    of = {
        Scope.PASSWORD: name,
        Scope.ACCOUNT: rest,
        Scope.ADDRESS: rest,
        Scope.BROWSER: "a browser",
        Scope.ENROL: rest,
        Scope.KIOSK: f"kiosk {rest}",
    }.get(known) or names.get(int(parts[0]) if parts[0].isdecimal() else 0, parts[0])
    pace = rate_limits.PACES[known]
    what = _SHOWN[known].format(address=address, kind=kind)
    return CountLine(of, what, rate_limits.standing(pace, row, now), _effect(known, row, now), min(row.open_at, now))


def _effect(scope: Scope, row: Throttle, now: datetime) -> str:
    """Say what stands against the next try."""
    pace = rate_limits.PACES[scope]
    match rate_limits.hindrance(pace, row, now):
        case Closed():
            return "closed"
        case Wait(retry_after):
            return f"heard again in {max(1, round(retry_after.total_seconds()))} s"
    wrong = rate_limits.standing(pace, row, now)
    pause = {
        Scope.PASSWORD: rate_limits.pause(wrong),
        Scope.ACCOUNT: rate_limits.delay(rate_limits.ACCOUNTS, wrong),
    }.get(scope)
    if pause:
        return f"new browsers take turns, {int(pause / timedelta(seconds=1))} s after each wrong one"
    if scope is Scope.ADDRESS and wrong >= dict(
        rate_limits.budgets(row.subject.partition(":")[2].partition("/")[0])
    ).get(row.subject, wrong + 1):
        return "over its budget: new browsers take turns, unless many accounts lately logged in from there"
    return ""
