"""Whose members may be linked: the workspaces that the operator named, or the bot's own."""

from slack_sdk.web.async_client import AsyncWebClient


class Workspaces:
    """The workspaces that count; the bot's own is asked for once, when it is needed first."""

    def __init__(self, client: AsyncWebClient, named: tuple[str, ...]) -> None:
        self._client = client
        self._named = frozenset(named)
        self._own = frozenset[str]()
        self._name = ""

    async def count(self, team: str) -> bool:
        """Tell whether a workspace's members may be linked; SlackApiError when Slack does not say which is ours."""
        if self._named:
            return team in self._named
        await self._ask()
        return team in self._own

    async def name_of(self, team: str) -> str:
        """Give a workspace's name where Slack tells it without more rights, else its id."""
        await self._ask()
        return self._name if team in self._own and self._name else team

    async def _ask(self) -> None:
        if not self._own:
            told = await self._client.auth_test()
            self._own = frozenset(str(told.get(name)) for name in ("team_id", "enterprise_id") if told.get(name))
            self._name = str(told.get("team") or "")
