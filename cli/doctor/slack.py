"""`tegata doctor`, the part about Slack: whether it knows the app, and grants what the bot needs."""

from collections.abc import AsyncIterator

from cli.doctor.finding import Finding, Grade
from hub.settings import Settings


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Ask Slack as the bot does; nothing where no bot is set up."""
    if not settings.has_slack:
        return
    async for finding in _app(settings):
        yield finding
    if settings.is_slack_called_out:
        yield await _socket(settings)


async def _app(settings: Settings) -> AsyncIterator[Finding]:
    from slack_sdk.errors import SlackApiError

    from bot.health import SCOPES
    from bot.slack_errors import error_of
    from bot.web_api import Client

    client = Client(settings, settings.slack_bot_token)
    try:
        told = await client.auth_test()
    except SlackApiError as error:
        what = f"Slack refuses the app: {error_of(error)}"
        yield Finding("slack", Grade.WRONG, what, "look at TEGATA_SLACK_BOT_TOKEN, or install the app again")
        return
    except Exception as error:
        # Of any kind: a proxy between may answer what the library can't read.
        yield _unreached(error)
        return
    missing = client.health.missing
    for scope in missing:
        mend = "add it at OAuth & Permissions, and install the app again"
        yield Finding("slack", Grade.WRONG, f"the scope {scope} is missing", mend)
    place = told.get("team") or told.get("team_id") or "a workspace"
    if not missing:
        yield Finding("slack", Grade.OK, f"Slack knows the app in {place}, and grants its {len(SCOPES)} scopes")
    if told.get("is_enterprise_install") and not settings.slack_teams:
        what = "the app is installed for an organisation, and no workspace is named"
        yield Finding("slack", Grade.WARN, what, "name the workspaces whose members may link in TEGATA_SLACK_TEAMS")


async def _socket(settings: Settings) -> Finding:
    """Ask for a socket's address, which opens none."""
    from slack_sdk.errors import SlackApiError

    from bot.slack_errors import error_of
    from bot.web_api import Client

    token = settings.slack_app_token
    try:
        await Client(settings, token).apps_connections_open(app_token=token)
    except SlackApiError as error:
        what = f"Slack refuses a socket: {error_of(error)}"
        return Finding("slack", Grade.WRONG, what, "look at TEGATA_SLACK_APP_TOKEN and its scope connections:write")
    except Exception as error:
        return _unreached(error)
    return Finding("slack", Grade.OK, "Slack gives a socket")


def _unreached(error: Exception) -> Finding:
    return Finding(
        "slack", Grade.WARN, f"Slack can't be reached: {type(error).__name__}", "look at the way to slack.com"
    )
