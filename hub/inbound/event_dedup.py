"""Which of the things that a foreign system tells more than once were heard before, by whichever process."""

from datetime import datetime

from hub.context import Hub
from models.queries import insert_unless_taken
from models.slack import SlackHeard

_PURPOSE = "slack-heard"


async def once(hub: Hub, name: str, *, now: datetime) -> bool:
    """Tell whether this is heard for the first time, and remember it."""
    return await insert_unless_taken(SlackHeard(digest=hub.keys.digest(_PURPOSE, name), heard_at=now))
