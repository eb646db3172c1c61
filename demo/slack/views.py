"""Modals and App Homes as they stand: which are open, what they show and what is filled in."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from demo.slack.wire import Payload, SlackError
from demo.slack.workspace import new_id

# Slack: a stack of three modals at most.
DEEPEST = 3
_TYPED = ("plain_text_input", "email_text_input", "number_input", "url_text_input")
_FIELDS = (*_TYPED, "checkboxes", "radio_buttons", "static_select")


@dataclass(slots=True)
class View:
    """One view; `content` is what the app sent, `values` what is filled in, by block and action."""

    id: str
    user: str
    content: Payload
    root_id: str
    hash: str
    previous_id: str = ""
    values: dict[str, Payload] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    is_open: bool = True

    @property
    def title(self) -> str:
        """What stands at its head."""
        return str((self.content.get("title") or {}).get("text", ""))

    @property
    def blocks(self) -> list[Payload]:
        """Its blocks."""
        return list(self.content.get("blocks", []))

    @property
    def is_home(self) -> bool:
        """Whether it is an App Home."""
        return self.content.get("type") == "home"


class Views:
    """Everybody's views."""

    def __init__(self) -> None:
        self.by_id: dict[str, View] = {}
        self.homes: dict[str, View] = {}

    def stack(self, user: str) -> list[View]:
        """List the modals that somebody has open, the topmost last."""
        return [one for one in self.by_id.values() if one.user == user and one.is_open and not one.is_home]

    def find(self, view_id: str = "", external_id: str = "") -> View:
        """Find an open view by either id."""
        for one in self.by_id.values():
            is_it = one.id == view_id if view_id else one.content.get("external_id") == external_id
            if is_it and one.is_open:
                return one
        raise SlackError("not_found")

    def open(self, user: str, content: Payload, *, now: datetime) -> View:
        """Open a modal; others that this person had open go."""
        self._free(content)
        self.close_all(user)
        view_id = new_id("V")
        return self._keep(View(view_id, user, content, view_id, _hash(now), values=initial(content)))

    def push(self, user: str, content: Payload, *, on: str, now: datetime) -> View:
        """Put a modal on top of another."""
        self._free(content)
        below = self.find(on)
        if len(self.stack(user)) >= DEEPEST:
            raise SlackError("push_limit_reached")
        made = View(new_id("V"), user, content, below.root_id, _hash(now), previous_id=below.id)
        made.values = initial(content)
        return self._keep(made)

    def update(self, view: View, content: Payload, *, seen: str, now: datetime) -> View:
        """Replace what a view shows; a hash that was seen must still be its own."""
        if seen and seen != view.hash:
            raise SlackError("hash_conflict")
        kept = view.values
        view.content, view.hash, view.errors = content, _hash(now), {}
        # Slack keeps what was typed where block and action stay the same.
        view.values = {
            block_id: {action_id: kept.get(block_id, {}).get(action_id, value) for action_id, value in fields.items()}
            for block_id, fields in initial(content).items()
        }
        return view

    def publish(self, user: str, content: Payload, *, seen: str, now: datetime) -> View:
        """Show somebody an App Home."""
        if user in self.homes:
            return self.update(self.homes[user], content, seen=seen, now=now)
        view_id = new_id("V")
        self.homes[user] = self._keep(View(view_id, user, content, view_id, _hash(now), values=initial(content)))
        return self.homes[user]

    def close_all(self, user: str) -> list[View]:
        """Close every modal of a person; gives those that were open."""
        closed = self.stack(user)
        for one in closed:
            one.is_open = False
        return closed

    def _keep(self, view: View) -> View:
        self.by_id[view.id] = view
        return view

    def _free(self, content: Payload) -> None:
        external_id = content.get("external_id")
        if external_id and any(one.content.get("external_id") == external_id for one in self.by_id.values()):
            raise SlackError("duplicate_external_id")


def initial(content: Payload) -> dict[str, Payload]:
    """PURE. Read what a view's fields hold before anybody touches them."""
    values: dict[str, Payload] = {}
    for block in content.get("blocks", []):
        for element in fields_of(block):
            values.setdefault(block["block_id"], {})[element["action_id"]] = value_of(element, None)
    return values


def elements_of(block: Payload) -> list[Payload]:
    """PURE. List the elements in a block that a person can use."""
    found = [block.get("element"), block.get("accessory"), *block.get("elements", [])]
    return [one for one in found if isinstance(one, dict) and "action_id" in one]


def element_of(blocks: list[Payload], action_id: str) -> tuple[Payload, Payload]:
    """PURE. Find an element by its action, with the block that it stands in."""
    for block in blocks:
        for element in elements_of(block):
            if element["action_id"] == action_id:
                return block, element
    raise SlackError("action_not_found")


def fields_of(block: Payload) -> list[Payload]:
    """PURE. List the elements in a block that hold a value; what is only pressed holds none."""
    return [one for one in elements_of(block) if one["type"] in _FIELDS]


def value_of(element: Payload, typed: str | list[str] | None) -> Payload:
    """PURE. Write what an element holds as Slack does; `typed` is None for what it holds by itself."""
    kind = element["type"]
    if kind in _TYPED:
        value = element.get("initial_value") if typed is None else (typed or None)
        return {"type": kind, "value": value}
    if kind == "checkboxes":
        wanted = [typed] if isinstance(typed, str) else typed
        given = element.get("initial_options", []) if wanted is None else [_option(element, one) for one in wanted]
        return {"type": kind, "selected_options": [one for one in given if one]}
    chosen = element.get("initial_option") if typed is None else _option(element, str(typed))
    return {"type": kind, "selected_option": chosen}


def options_of(element: Payload) -> list[Payload]:
    """PURE. List an element's options, grouped ones too."""
    grouped = [one for group in element.get("option_groups", []) for one in group["options"]]
    return [*element.get("options", []), *grouped]


def _option(element: Payload, value: str) -> Payload | None:
    return next((one for one in options_of(element) if one["value"] == value), None)


def _hash(now: datetime) -> str:
    return f"{int(now.timestamp())}.{secrets.token_hex(4)}"
