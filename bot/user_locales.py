"""Which language somebody's Slack has, remembered for a while: a modal must be answered before Slack gives up."""

from collections.abc import Mapping
from time import monotonic
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

_FOR = 600.0
_MOST = 10_000


class Locales:
    """The languages of those who spoke lately."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._known: dict[str, tuple[str, float]] = {}

    async def of(self, user: str) -> str:
        """Tell a person's language; empty when Slack does not say."""
        language, until = self._known.get(user, ("", 0.0))
        if monotonic() < until:
            return language
        try:
            told = await self._client.users_info(user=user, include_locale=True)
        except Exception:
            # A proxy's page that the library can't read is among it: no command fails for want of this.
            return language
        return self.learn(user, told.get("user") or {})

    def learn(self, user: str, told: Mapping[str, Any]) -> str:
        """Keep the language of what Slack tells of a user."""
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[user] = (language_in(told), monotonic() + _FOR)
        return self._known[user][0]

    def known(self, user: str) -> str:
        """Tell a person's language without asking; empty when it is not known."""
        return self._known.get(user, ("", 0.0))[0]

    def forget(self, user: str) -> None:
        """Ask again next time."""
        self._known.pop(user, None)


def language_in(user: Mapping[str, Any]) -> str:
    """PURE: read the language of what Slack tells of a user."""
    return "ja" if str(user.get("locale") or "").startswith("ja") else "en"
