"""Everything that the bot listens to, on one screen."""

from bot import approving, asking, blocks, commands, home, leaving, not_me, views
from bot.hearing import Listener, Source

LISTENERS = (
    Listener(Source.COMMAND, "/tegata", commands.run),
    Listener(Source.SHORTCUT, views.SHORTCUT, home.shortcut),
    Listener(Source.EVENT, "app_home_opened", home.opened),
    Listener(Source.BUTTON, blocks.BUTTON, not_me.pressed),
    Listener(Source.BUTTON, blocks.APPROVE, approving.pressed),
    Listener(Source.MODAL, blocks.APPROVE, approving.sent),
    Listener(Source.BUTTON, views.ADD, asking.add_in_window),
    Listener(Source.MODAL, views.ADD, asking.added),
    Listener(Source.BUTTON, views.CONFIRM, asking.confirm_in_window),
    Listener(Source.MODAL, views.CONFIRM, asking.confirmed),
    Listener(Source.BUTTON, views.CODE, asking.send_again),
    Listener(Source.BUTTON, views.LOCK, asking.lock),
    Listener(Source.BUTTON, views.END_SESSION, asking.end_session),
    Listener(Source.BUTTON, views.LANGUAGE["ja"], asking.speak),
    Listener(Source.BUTTON, views.LANGUAGE["en"], asking.speak),
    Listener(Source.EVENT, "user_change", leaving.user_changed),
    Listener(Source.EVENT, "tokens_revoked", leaving.tokens_revoked),
    Listener(Source.EVENT, "app_uninstalled", leaving.app_uninstalled),
)
