"""Everything that the bot listens to, on one screen."""

from bot import blocks, commands, leaving, not_me
from bot.hearing import Listener, Source

LISTENERS = (
    Listener(Source.COMMAND, "/tegata", commands.run),
    Listener(Source.BUTTON, blocks.BUTTON, not_me.pressed),
    Listener(Source.EVENT, "user_change", leaving.user_changed),
    Listener(Source.EVENT, "tokens_revoked", leaving.tokens_revoked),
    Listener(Source.EVENT, "app_uninstalled", leaving.app_uninstalled),
)
