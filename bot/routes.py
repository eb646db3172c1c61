"""Everything that the bot listens to, on one screen."""

from bot.dispatch import Listener, Source
from bot.handlers import account, approval, deactivation, direct_messages, disavow, home, linking, slash_commands
from bot.rendering import messages, views
from bot.replies import responses
from bot.task_limiter import Lane


def _event(_text: str) -> Lane:
    return Lane.EVENT


def _answer(_text: str) -> Lane:
    return Lane.ANSWER


LISTENERS = (
    Listener(Source.COMMAND, "/tegata", slash_commands.run, slash_commands.lane_of),
    Listener(Source.SHORTCUT, views.SHORTCUT, home.shortcut),
    Listener(Source.EVENT, "app_home_opened", home.opened, _answer, is_answered=False),
    Listener(Source.EVENT, "message", direct_messages.said, _answer),
    Listener(Source.BUTTON, messages.BUTTON, disavow.pressed),
    Listener(Source.BUTTON, messages.APPROVE, approval.pressed),
    Listener(Source.MODAL, messages.APPROVE, approval.sent),
    Listener(Source.BUTTON, views.ADD, account.add_in_window),
    Listener(Source.MODAL, views.ADD, account.added),
    Listener(Source.BUTTON, views.CONFIRM, account.confirm_in_window),
    Listener(Source.MODAL, views.CONFIRM, account.confirmed),
    Listener(Source.BUTTON, views.LINK, linking.link),
    Listener(Source.BUTTON, views.CODE, account.send_again),
    Listener(Source.BUTTON, views.LOCK, account.lock),
    Listener(Source.BUTTON, views.END_SESSION, account.end_session),
    Listener(Source.BUTTON, views.LANGUAGE["ja"], account.speak),
    Listener(Source.BUTTON, views.LANGUAGE["en"], account.speak),
    # Buttons and windows of an earlier release may be pressed long after it.
    Listener(Source.BUTTON, "unknown-button", responses.gone, is_rest=True),
    Listener(Source.MODAL, "unknown-window", responses.window_gone, is_rest=True),
    Listener(Source.EVENT, "user_change", deactivation.user_changed, _event, is_answered=False),
    Listener(Source.EVENT, "tokens_revoked", deactivation.tokens_revoked, _event, is_answered=False),
    Listener(Source.EVENT, "app_uninstalled", deactivation.app_uninstalled, _event, is_answered=False),
    Listener(Source.EVENT, "team_access_revoked", deactivation.access_revoked, _event, is_answered=False),
)
