"""Which browsers an account was used in before."""

from hub.context import Hub
from hub.domain.request_context import Visit
from models.queries import insert, where
from models.session import KnownBrowser

_PURPOSE = "browser"


def digest_of(hub: Hub, visit: Visit, account_id: int) -> str:
    """Give the digest that this browser has for the account; empty when the visit is of no browser."""
    return hub.keys.digest(_PURPOSE, _named(visit, account_id)) if visit.browser_token else ""


def digests_of(hub: Hub, visit: Visit, account_id: int) -> list[str]:
    """Give the digests that this browser may have for the account in older rows, too."""
    return hub.keys.digests(_PURPOSE, _named(visit, account_id)) if visit.browser_token else []


async def known_as(hub: Hub, visit: Visit, account_id: int) -> str:
    """Give the digest that this browser is known to the account by; empty when it is not known."""
    if not visit.browser_token:
        return ""
    row = await where(KnownBrowser, digest__in=hub.keys.digests(_PURPOSE, _named(visit, account_id))).first()
    return row.digest if row else ""


async def remember(hub: Hub, visit: Visit, account_id: int) -> bool:
    """Remember this browser with the account; True when it was known already."""
    named = _named(visit, account_id)
    if await where(KnownBrowser, digest__in=hub.keys.digests(_PURPOSE, named)).update(seen_at=visit.now):
        return True
    await insert(KnownBrowser(account_id=account_id, digest=hub.keys.digest(_PURPOSE, named), seen_at=visit.now))
    return False


async def forget(digest: str) -> None:
    """Take a browser for a stranger's from now on."""
    await where(KnownBrowser, digest=digest).delete()


def _named(visit: Visit, account_id: int) -> str:
    # The account is part of the digest, so that the rows do not show which accounts share a browser.
    return f"{account_id}:{visit.browser_token}"
