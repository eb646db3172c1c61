"""The App Home and the shortcut: the same state of the account, wherever somebody looks for it."""

from bot import views
from bot.desk import Desk, Heard
from bot.telling import head_of, language_of, refresh, show
from hub import chat
from hub.chat import State


async def opened(desk: Desk, heard: Heard) -> None:
    """Show the App Home to whoever looks at it."""
    if heard.event.get("tab") == "home":
        await refresh(desk, heard, language=await language_of(desk, heard))


async def shortcut(desk: Desk, heard: Heard) -> None:
    """Show the account in a modal, from wherever somebody is."""
    language = await language_of(desk, heard)
    state = await chat.state(desk.hub, heard.member.address, now=desk.clock())
    shown = views.state_of(state, language, head_of(desk)) if isinstance(state, State) else views.unlinked(language)
    await show(desk, heard, views.window(desk.hub.settings.service_name, shown, language))
