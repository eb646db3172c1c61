"""What ends a linking from Slack's side: a user deactivated, a token revoked, the app taken out of workspaces."""

from bot.context import Desk, Heard, Member
from bot.handlers.linking import is_full_member, organisation_of, teams_of
from hub.contacts import slack_linking


async def user_changed(desk: Desk, heard: Heard) -> None:
    """Suspend what is linked to a user who could link no more; of all, what was remembered is learned again."""
    user = heard.event.get("user")
    if not isinstance(user, dict):
        return
    name = str(user.get("id"))
    desk.locales.forget(name)
    teams = teams_of(user)
    # Of an organisation's user the linking may name a workspace that is not the one they are at home in.
    places = {heard.member.team, heard.workspace, str(user.get("team_id") or ""), organisation_of(user), *teams} - {""}
    addresses = [Member(place, name).address for place in places]
    is_admitted = not teams or await desk.workspaces.count(teams)
    if not (is_full_member(user) and is_admitted):
        await slack_linking.suspend(desk.hub, desk.visit(), addresses)
        return
    language = desk.locales.learn(name, user) if user.get("locale") else ""
    for address in addresses:
        await slack_linking.remember(address, language=language, teams=set(teams) & desk.workspaces.all)


async def tokens_revoked(desk: Desk, heard: Heard) -> None:
    """Suspend what is linked to members who took their token back; with the bot's own, all that it reached."""
    tokens = heard.event.get("tokens")
    revoked = tokens if isinstance(tokens, dict) else {}
    if revoked.get("bot"):
        await app_uninstalled(desk, heard)
        return
    users = [Member(heard.member.team, str(user)).address for user in revoked.get("oauth") or ()]
    await slack_linking.suspend(desk.hub, desk.visit(), users)


async def app_uninstalled(desk: Desk, heard: Heard) -> None:
    """Suspend what is linked to a workspace, or to the organisation, that took the app out."""
    workspaces, team = desk.workspaces, heard.workspace
    if workspaces.is_everywhere and team in workspaces.all:
        await _withdrawn(desk, heard, [team])
        return
    for place in {heard.member.team, team, *workspaces.all} - {""}:
        await slack_linking.suspend_workspace(desk.hub, desk.visit(), place)


async def access_revoked(desk: Desk, heard: Heard) -> None:
    """Suspend those of an organisation whom only the named workspaces admitted."""
    teams = heard.event.get("team_ids")
    if isinstance(teams, list):
        await _withdrawn(desk, heard, [str(team) for team in teams])


async def _withdrawn(desk: Desk, heard: Heard, teams: list[str]) -> None:
    workspaces = desk.workspaces
    workspaces.withdraw(teams)
    organisation = workspaces.organisation or heard.member.team
    await slack_linking.withdraw(desk.hub, desk.visit(), organisation, teams, left=workspaces.all)
