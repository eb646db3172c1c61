"""The two members of the demo, with passwords that everybody knows and matrix cards that stay in its folder."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from hub.accounts import accounts
from hub.context import Hub
from hub.domain.errors import RefusedError
from hub.domain.request_context import Visit
from hub.verification import matrix_cards

PASSWORD = "tegata-demo"
NAMES = ("taro", "hanako")
_CARDS = "cards.json"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the demo, with the cells of the card."""

    account: str
    password: str
    cells: dict[str, str] = field(repr=False)


async def members(hub: Hub, visit: Visit, folder: Path) -> list[Member]:
    """Give the demo's members, made at the first start and kept for the next."""
    cards = folder / _CARDS
    if cards.exists():
        kept = json.loads(cards.read_text(encoding="utf-8"))
        return [Member(name, PASSWORD, kept[name]) for name in NAMES]
    made: dict[str, dict[str, str]] = {}
    for name in NAMES:
        try:
            account = await accounts.add(hub, visit, name=name, password=PASSWORD)
        except RefusedError:
            account = await accounts.find(name)
        (printed,) = await matrix_cards.issue_to(hub, visit, [account], quiet=True)
        made[name] = dict(printed.cells)
    cards.write_text(json.dumps(made), encoding="utf-8")
    return [Member(name, PASSWORD, made[name]) for name in NAMES]
