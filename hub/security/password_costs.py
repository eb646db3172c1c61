"""The costs of the password hashes that are stored, so that a wrong password takes the same work for each name."""

from datetime import datetime, timedelta

from hub.authenticators.password import Cost, cost_of, excess
from models.queries import dialect, read

# From the parameters ("m=19456,t=2,p=1") to the next $; the salt behind them can't come first.
_PARAMETERS = {
    "sqlite": """substr("password_hash", instr("password_hash", 'm='),
 instr(substr("password_hash", instr("password_hash", 'm=')), '$') - 1)""",
    "postgres": """split_part(substr("password_hash", strpos("password_hash", 'm=')), '$', 1)""",
}
_NEW = 'SELECT {parameters} AS "cost", MAX("id") AS "newest" FROM "account" WHERE "id" > {{after}} GROUP BY 1'
# Costs that no account has any more are left out again after this.
_KEPT = timedelta(hours=1)


class StoredCosts:
    """The costs of all stored hashes, as one process knows them."""

    def __init__(self) -> None:
        self._costs: frozenset[Cost] = frozenset()
        self._newest = 0
        self._since: datetime | None = None

    async def now_stored(self, *, now: datetime) -> frozenset[Cost]:
        """Give the costs of all stored hashes; only accounts that were added since the last time are read."""
        if self._since is None or not self._since <= now < self._since + _KEPT:
            self._costs, self._newest, self._since = frozenset(), 0, now
        costs, newest = await stored(after=self._newest)
        self._costs |= costs
        self._newest = max(self._newest, newest)
        return self._costs


async def stored(*, after: int = 0) -> tuple[frozenset[Cost], int]:
    """Give the costs of the hashes of accounts that came after one, and the newest of these."""
    rows = await read(_NEW.format(parameters=_PARAMETERS[dialect()]), after=after)
    costs = [_cost(str(row["cost"])) for row in rows]
    return frozenset(cost for cost in costs if cost is not None), max((int(row["newest"]) for row in rows), default=0)


def _cost(parameters: str) -> Cost | None:
    """Read a cost; None for one that is never verified."""
    hashed = f"$argon2id$v=19${parameters}$c2FsdHNhbHQ$dGFndGFndGFndGFn"
    return None if excess(hashed) else cost_of(hashed)
