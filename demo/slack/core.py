"""The parts that belong to one stand-in, in one place for those who work with them."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from demo.slack.faults import Faults
from demo.slack.methods import content_of
from demo.slack.passes import Passes, ResponseUrl
from demo.slack.sending import Timing
from demo.slack.views import Views
from demo.slack.watch import Watch
from demo.slack.wire import Payload, is_set
from demo.slack.workspace import Message, Workspace


@dataclass(slots=True)
class Core:
    """One workspace with all that is going on in it."""

    workspace: Workspace = field(default_factory=Workspace)
    screens: Views = field(default_factory=Views)
    passes: Passes = field(default_factory=Passes)
    faults: Faults = field(default_factory=Faults)
    timing: Timing = field(default_factory=Timing)
    watch: Watch = field(default_factory=Watch)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    # Where this workspace is reached from outside; known once it is served.
    url: str = ""
    # How far its clock is ahead, for what dies of age.
    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        """Read the clock."""
        return datetime.now(UTC) + self.ahead

    def answered(self, response: ResponseUrl, said: Payload) -> None:
        """Do what an answer says, whether it came to a response URL or with an acknowledgement.

        SlackError where Slack would refuse it.
        """
        workspace = self.workspace
        channel = workspace.channels[response.channel]
        old = channel.messages.get(response.ts)
        if is_set(said, "delete_original"):
            if old is not None:
                workspace.drop(old)
            return
        text, blocks = content_of(said)
        ts, author = workspace.next_ts(self.now()), workspace.app.user_id
        if old is not None and is_set(said, "replace_original"):
            old.text, old.blocks, old.edited_ts = text, blocks, ts
            return
        only_for = "" if said.get("response_type") == "in_channel" else response.user
        workspace.keep(Message(ts, channel.id, author, text, blocks, only_for=only_for))
