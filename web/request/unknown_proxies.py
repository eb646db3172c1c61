"""A proxy that the settings do not name is logged once and shown on the readiness page."""

import structlog
from aiohttp.web import Request

from web.request.client_info import undeclared_proxy
from web.request.context import forwarded_headers, hub_of, now_of

ALARM = "proxy"
_log = structlog.get_logger(__name__)


def note(request: Request) -> None:
    """Raise an alarm when a peer that is no trusted proxy forwards for others."""
    hub = hub_of(request)
    peer = undeclared_proxy(request.remote, forwarded_headers(request), hub.settings.trusted_proxies)
    if not peer:
        return
    if not hub.alarms.was_sounded(ALARM):
        _log.warning("web.undeclared_proxy", peer=peer)
    what = f"{peer} sends forwarded headers and is not in TEGATA_TRUSTED_PROXIES"
    hub.alarms.sound(ALARM, what, now=now_of(request))
