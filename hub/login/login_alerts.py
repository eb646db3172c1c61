"""Which logins an account's contacts are told of: from a browser it was not used in before, or by a stronger way."""

from hub.context import Hub
from hub.domain.request_context import Visit
from hub.outbox import notices
from hub.security import rate_limits
from hub.sessions import known_browsers
from models.kinds import AuthenticatorKind, Channel, Notice

# The portal mails date and address of each of these, however well the browser is known.
_ALWAYS_TOLD = {AuthenticatorKind.SOFT_TOKEN, AuthenticatorKind.IC_CARD}


async def tell(
    hub: Hub, visit: Visit, account_id: int, kind: AuthenticatorKind, *, session_id: int
) -> frozenset[Channel]:
    """Post a notice of a login to all contacts, in the admission's transaction; returns the channels to rouse."""
    await rate_limits.welcome(visit.address, account_id, now=visit.now)
    # A door without browsers knows by other means who is there.
    is_known = not visit.browser_token or await known_browsers.remember(hub, visit, account_id)
    if hub.settings.login_notices == "never" or (is_known and kind not in _ALWAYS_TOLD):
        return frozenset()
    return await notices.tell_all(hub.outbox, visit, account_id, Notice.NEW_LOGIN, by=session_id)
