"""What ends a linking from Slack's side: a user deactivated, a token revoked, the app uninstalled."""

from bot.desk import Desk, Heard, Member
from hub import slack_links


async def user_changed(desk: Desk, heard: Heard) -> None:
    """Suspend what is linked to a user who was deactivated; of others, what was remembered is asked anew."""
    user = heard.event.get("user")
    if isinstance(user, dict):
        desk.locales.forget(str(user.get("id")))
    if not isinstance(user, dict) or not user.get("deleted"):
        return
    member = Member(str(user.get("team_id") or heard.member.team), str(user.get("id")))
    await slack_links.suspend(desk.hub, desk.visit(), [member.address])


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
