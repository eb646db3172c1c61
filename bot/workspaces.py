"""Whose members may be linked: the workspaces that the operator named, or the bot's own; and who is one person."""

from collections.abc import Iterable, Mapping
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient


class Workspaces:
    """The workspaces that count; the bot's own is learned from Slack.

    In an organisation a person is the organisation's id and the user's, from whichever workspace they act; a
    workspace only admits.
    """

    def __init__(self, client: AsyncWebClient, named: tuple[str, ...]) -> None:
        self._client = client
        self._named = frozenset(named)
        self._own = frozenset[str]()
        self._name = ""
        self._named_team = ""
        self._withdrawn = set[str]()
        self.organisation = ""
        # Whether the app was installed for the whole organisation, not for one workspace of it.
        self.is_everywhere = False

    @property
    def all(self) -> frozenset[str]:
        """The workspaces that admit."""
        return (self._named or self._own) - self._withdrawn - {self.organisation}

    def learn(self, told: Mapping[str, Any]) -> None:
        """Keep what `auth.test` tells of the app."""
        self.organisation = str(told.get("enterprise_id") or "")
        self.is_everywhere = bool(told.get("is_enterprise_install"))
        self._named_team = str(told.get("team_id") or "")
        self._own = frozenset({self._named_team, self.organisation} - {""})
        self._name = str(told.get("team") or "")

    def identity(self, team: str, organisation: str) -> str:
        """Name the directory in which a user's id means one person: the organisation, or the workspace."""
        if organisation:
            return organisation
        is_ours = not team or team in self._named or team in self._own
        return self.organisation if self.organisation and is_ours else team

    async def count(self, teams: Iterable[str]) -> bool:
        """Tell whether members of one of these may be linked; SlackApiError when Slack does not say which is ours."""
        if not self._named:
            await self.know()
        admitting = self._named or self._own
        return bool((admitting - self._withdrawn) & set(teams))

    async def know(self) -> None:
        """Ask Slack once whose app this is."""
        if not self._own:
            self.learn(_data(await self._client.auth_test()))

    def withdraw(self, teams: Iterable[str]) -> None:
        """Note that an organisation took the app out of workspaces."""
        self._withdrawn |= set(teams)

    def grant(self, teams: Iterable[str]) -> None:
        """Note that an organisation let the app into workspaces again."""
        self._withdrawn -= set(teams)

    def name_of(self, team: str, domain: str) -> str:
        """Give the name by which people know a workspace: its own where that is ours, else its domain."""
        return (self._name if team == self._named_team else "") or domain or self._name or team


def _data(told: Any) -> Mapping[str, Any]:
    data = getattr(told, "data", told)
    return data if isinstance(data, Mapping) else {}
