"""A Slack workspace whose messages are read for their code as they come, and counted at the end."""

import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from demo.slack.stand_in import StandIn
from demo.slack.workspace import Message, User
from models.kinds import Channel

_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Tally:
    """How often each of many came: all of them once, if nothing went wrong."""

    asked: int
    came: int
    lost: int
    twice: int

    def __str__(self) -> str:
        verdict = "reached" if self.asked == self.came and not self.lost + self.twice else "NOT REACHED"
        return f"asked {self.asked}, came {self.came}, lost {self.lost}, more than once {self.twice}: {verdict}"


class Chatbox:
    """What members see in a workspace."""

    channel = Channel.SLACK

    def __init__(self, slack: StandIn) -> None:
        self._slack = slack
        self.arrived_at: dict[str, float] = {}

    def welcome(self, users: Collection[str]) -> None:
        """Take people in."""
        for user in users:
            self._slack.workspace.users[user] = User(user, user.lower(), user.title())

    async def code_to(self, recipient: str) -> str:
        """Wait for the code to a member's address."""
        user = recipient.partition("/")[2]
        message = await self._slack.until(
            lambda: next((one for one in self._slack.messages(user) if _code_in(one)), None), timeout=_PATIENCE
        )
        # A message's stamp is when Slack took it, whenever we come to look.
        self.arrived_at[recipient] = float(message.ts) - (time.time() - time.monotonic())
        return _code_in(message)

    def codes(self, users: Collection[str]) -> Tally:
        """Count the codes of members who asked for one each, shown still or faded."""
        names = [[str(one.metadata) for one in self._slack.messages(user) if one.metadata] for user in users]
        return _tally([len(one) for one in names])

    def answers(self, users: Collection[str]) -> Tally:
        """Count what members were answered who gave one command each."""
        shown = Counter(
            message.only_for
            for channel in self._slack.workspace.channels.values()
            for message in channel.messages.values()
            if message.only_for and message.author == self._slack.app.user_id
        )
        return _tally([shown[user] for user in users])


def _tally(counts: Collection[int]) -> Tally:
    return Tally(len(counts), sum(counts), sum(not one for one in counts), sum(one > 1 for one in counts))


def _code_in(message: Message) -> str:
    return next((str(one["text"]["text"]) for one in message.blocks if one["type"] == "header"), "")
