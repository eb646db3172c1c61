"""Which logins an account's contacts are told of: from a browser it was not used in before, or by a stronger way."""

from hub import notices
from hub.hub import Hub
from hub.visit import Visit
from models.kinds import AuthenticatorKind, Channel, Notice
from models.rows import insert, where
from models.session import KnownBrowser

_PURPOSE = "browser"
# The portal mails date and address of each of these, however well the browser is known.
_ALWAYS_TOLD = {AuthenticatorKind.SOFT_TOKEN, AuthenticatorKind.IC_CARD}


async def tell(
    hub: Hub, visit: Visit, account_id: int, kind: AuthenticatorKind, *, session_id: int
) -> frozenset[Channel]:
    """Post a notice of a login to all contacts, in the admission's transaction; returns the channels to rouse."""
    is_known = await _recognised(hub, visit, account_id)
    if hub.settings.login_notices == "never" or (is_known and kind not in _ALWAYS_TOLD):
        return frozenset()
    return await notices.tell_all(hub, visit, account_id, Notice.NEW_LOGIN, by=session_id)


async def _recognised(hub: Hub, visit: Visit, account_id: int) -> bool:
    """Tell whether the account was logged in to from this browser before, and remember it from now on."""
    if not visit.browser_token:
        # A door without browsers knows by other means who is there.
        return True
    # The account is part of the digest, so that rows tell nobody which accounts share a browser.
    named = f"{account_id}:{visit.browser_token}"
    if await where(KnownBrowser, digest__in=hub.keys.digests(_PURPOSE, named)).update(seen_at=visit.now):
        return True
    await insert(KnownBrowser(account_id=account_id, digest=hub.keys.digest(_PURPOSE, named), seen_at=visit.now))
    return False
