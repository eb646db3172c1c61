"""What ends a linking from Slack's side: a user deactivated, a token revoked, the app uninstalled."""

from bot.desk import Desk, Heard, Member
from bot.linking import is_full_member, teams_of
from hub import slack_links


async def user_changed(desk: Desk, heard: Heard) -> None:
    """Suspend what is linked to a user who is no full member any more; of all, what was remembered is asked anew."""
    user = heard.event.get("user")
    if not isinstance(user, dict):
        return
    desk.locales.forget(str(user.get("id")))
    if is_full_member(user):
        return
    # Of an organisation's user the linking may name a workspace that is not the one they are at home in.
    teams = {heard.member.team, str(user.get("team_id") or ""), *teams_of(user)} - {""}
    await slack_links.suspend(desk.hub, desk.visit(), [Member(team, str(user.get("id"))).address for team in teams])


async def tokens_revoked(desk: Desk, heard: Heard) -> None:
    """Suspend what is linked to whoever took their token back; with the bot's own, the whole workspace."""
    tokens = heard.event.get("tokens")
    revoked = tokens if isinstance(tokens, dict) else {}
    if revoked.get("bot"):
        await slack_links.suspend_workspace(desk.hub, desk.visit(), heard.member.team)
        return
    users = [Member(heard.member.team, str(user)).address for user in revoked.get("oauth") or ()]
    await slack_links.suspend(desk.hub, desk.visit(), users)


async def app_uninstalled(desk: Desk, heard: Heard) -> None:
    """Suspend what is linked to a workspace that took the app out."""
    await slack_links.suspend_workspace(desk.hub, desk.visit(), heard.member.team)
