"""Everything that the bot listens to, on one screen."""

from bot import approving, asking, blocks, commands, direct, home, leaving, linking, not_me, telling, views
from bot.hands import Lane
from bot.hearing import Listener, Source


def _event(_text: str) -> Lane:
    return Lane.EVENT


def _answer(_text: str) -> Lane:
    return Lane.ANSWER


LISTENERS = (
    Listener(Source.COMMAND, "/tegata", commands.run, commands.lane_of),
    Listener(Source.SHORTCUT, views.SHORTCUT, home.shortcut),
    Listener(Source.EVENT, "app_home_opened", home.opened, _answer, is_answered=False),
    Listener(Source.EVENT, "message", direct.said, _answer),
    Listener(Source.BUTTON, blocks.BUTTON, not_me.pressed),
    Listener(Source.BUTTON, blocks.APPROVE, approving.pressed),
    Listener(Source.MODAL, blocks.APPROVE, approving.sent),
    Listener(Source.BUTTON, views.ADD, asking.add_in_window),
    Listener(Source.MODAL, views.ADD, asking.added),
    Listener(Source.BUTTON, views.CONFIRM, asking.confirm_in_window),
    Listener(Source.MODAL, views.CONFIRM, asking.confirmed),
    Listener(Source.BUTTON, views.LINK, linking.link),
    Listener(Source.BUTTON, views.CODE, asking.send_again),
    Listener(Source.BUTTON, views.LOCK, asking.lock),
    Listener(Source.BUTTON, views.END_SESSION, asking.end_session),
    Listener(Source.BUTTON, views.LANGUAGE["ja"], asking.speak),
    Listener(Source.BUTTON, views.LANGUAGE["en"], asking.speak),
    # Buttons and windows of an earlier release may be pressed long after it.
    Listener(Source.BUTTON, "unknown-button", telling.gone, is_rest=True),
    Listener(Source.MODAL, "unknown-window", telling.window_gone, is_rest=True),
    Listener(Source.EVENT, "user_change", leaving.user_changed, _event, is_answered=False),
    Listener(Source.EVENT, "tokens_revoked", leaving.tokens_revoked, _event, is_answered=False),
    Listener(Source.EVENT, "app_uninstalled", leaving.app_uninstalled, _event, is_answered=False),
    Listener(Source.EVENT, "team_access_revoked", leaving.access_revoked, _event, is_answered=False),
)
