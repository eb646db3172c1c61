"""PURE. Block Kit's documented limits: what is wrong with blocks and views, in Slack's manner of saying it."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

from demo.slack.views import elements_of
from demo.slack.wire import Payload

Rule = Callable[[Any, str], Iterator[str]]

_IN_MESSAGE = 50
_IN_VIEW = 100


def message_problems(blocks: Any) -> list[str]:
    """List what Slack would refuse in a message's blocks."""
    return list(_many(_BLOCK, 0, _IN_MESSAGE)(blocks, "/blocks")) or list(_repeated(blocks, "/blocks"))


def view_problems(view: Any) -> list[str]:
    """List what Slack would refuse in a view."""
    found = list(_by("type", {"modal": _MODAL, "home": _HOME})(view, "/view"))
    return found or [*_repeated(view["blocks"], "/view/blocks"), *_unsubmitted(view)]


def named(blocks: list[Payload]) -> list[Payload]:
    """Give blocks and their elements the ids that the app left to Slack."""
    made = []
    for block in blocks:
        one = {**block, "block_id": block.get("block_id") or secrets.token_hex(3)}
        for place in ("element", "accessory"):
            if isinstance(one.get(place), dict):
                one[place] = _acted(one[place])
        if one["type"] in ("actions", "context"):
            one["elements"] = [_acted(element) for element in one["elements"]]
        made.append(one)
    return made


def _acted(element: Payload) -> Payload:
    if element["type"] in ("image", "mrkdwn", "plain_text"):
        return element
    return {**element, "action_id": element.get("action_id") or secrets.token_hex(3)}


def _repeated(blocks: list[Payload], at: str) -> Iterator[str]:
    """Find ids that stand twice: a block's in one message or view, an element's in one block."""
    ids = [block["block_id"] for block in blocks if block.get("block_id")]
    for one in sorted({one for one in ids if ids.count(one) > 1}):
        yield _said(f"block_id already exists: {one}", at)
    for number, block in enumerate(blocks):
        actions = [element["action_id"] for element in elements_of(block)]
        for one in sorted({one for one in actions if actions.count(one) > 1}):
            yield _said(f"action_id already exists: {one}", f"{at}/{number}/elements")


def _unsubmitted(view: Payload) -> Iterator[str]:
    has_inputs = any(block["type"] == "input" for block in view["blocks"])
    if view["type"] == "modal" and has_inputs and not view.get("submit"):
        yield _said("a `submit` property is required for modals with input blocks", "/view/submit")


def _said(what: str, at: str) -> str:
    return f"[ERROR] {what} [json-pointer:{at}]"


def _text(most: int, *, least: int = 1) -> Rule:
    def look(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield _said("must be a string", at)
        elif len(value) > most:
            yield _said(f"must be less than {most + 1} characters", at)
        elif len(value) < least:
            yield _said(f"must be more than {least - 1} characters", at)

    return look


def _flag(value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, bool):
        yield _said("must be a boolean", at)


def _number(least: int, most: int) -> Rule:
    def look(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            yield _said(f"must be a number from {least} to {most}", at)

    return look


def _word(*words: str) -> Rule:
    def look(value: Any, at: str) -> Iterator[str]:
        if value not in words:
            yield _said(f"must be one of: {', '.join(words)}", at)

    return look


def _many(rule: Rule, least: int, most: int) -> Rule:
    def look(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield _said("must be an array", at)
            return
        if len(value) > most:
            yield _said(f"no more than {most} items allowed", at)
        if len(value) < least:
            yield _said(f"no fewer than {least} items allowed", at)
        for number, one in enumerate(value):
            yield from rule(one, f"{at}/{number}")

    return look


def _shape(required: dict[str, Rule], optional: dict[str, Rule]) -> Rule:
    def look(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield _said("must be an object", at)
            return
        for name in required.keys() - value.keys():
            yield _said(f"missing required field: {name}", at)
        for name, part in value.items():
            if name == "type":
                continue
            rule = required.get(name) or optional.get(name)
            if rule is None:
                yield _said(f"invalid additional property: {name}", at)
            elif part is not None or name in required:
                yield from rule(part, f"{at}/{name}")

    return look


def _by(key: str, rules: dict[str, Rule]) -> Rule:
    def look(value: Any, at: str) -> Iterator[str]:
        kind = value.get(key) if isinstance(value, dict) else None
        rule = rules.get(str(kind))
        if rule is None:
            yield _said(f"unsupported type: {kind}", f"{at}/{key}")
        else:
            yield from rule(value, at)

    return look


def _either(rule: Rule, *names: str) -> Rule:
    def look(value: Any, at: str) -> Iterator[str]:
        yield from rule(value, at)
        if isinstance(value, dict) and not any(value.get(name) for name in names):
            yield _said(f"must have one of: {', '.join(names)}", at)

    return look


def _anything(_value: Any, _at: str) -> Iterator[str]:
    yield from ()


def _plain(most: int) -> Rule:
    return _by("type", {"plain_text": _shape({"text": _text(most)}, {"emoji": _flag})})


def _rich(most: int) -> Rule:
    marked = _shape({"text": _text(most)}, {"verbatim": _flag})
    return _by("type", {"plain_text": _shape({"text": _text(most)}, {"emoji": _flag}), "mrkdwn": marked})


_CONFIRM = _shape(
    {"title": _plain(100), "text": _rich(300), "confirm": _plain(30), "deny": _plain(30)},
    {"style": _word("primary", "danger")},
)
_OPTION = _shape({"text": _rich(75), "value": _text(150)}, {"description": _rich(75), "url": _text(3000)})
_GROUP = _shape({"label": _plain(75), "options": _many(_OPTION, 1, 100)}, {})
_USED = {"action_id": _text(255), "confirm": _CONFIRM, "focus_on_load": _flag}
_PLACEHOLDER = {"placeholder": _plain(150)}
_TYPED = {
    "initial_value": _text(3000, least=0),
    "min_length": _number(0, 3000),
    "max_length": _number(1, 3000),
    "dispatch_action_config": _anything,
    **_PLACEHOLDER,
    **_USED,
}
_BUTTON = _shape(
    {"text": _plain(75)},
    {
        "value": _text(2000),
        "url": _text(3000),
        "style": _word("primary", "danger"),
        "accessibility_label": _text(75),
        **_USED,
    },
)
_IMAGE = _shape({"alt_text": _text(2000)}, {"image_url": _text(3000), "slack_file": _anything})
_FIELDS: dict[str, Rule] = {
    "radio_buttons": _shape({"options": _many(_OPTION, 1, 10)}, {"initial_option": _OPTION, **_USED}),
    "checkboxes": _shape({"options": _many(_OPTION, 1, 10)}, {"initial_options": _many(_OPTION, 1, 10), **_USED}),
    "static_select": _either(
        _shape(
            {},
            {
                "options": _many(_OPTION, 1, 100),
                "option_groups": _many(_GROUP, 1, 100),
                "initial_option": _OPTION,
                **_PLACEHOLDER,
                **_USED,
            },
        ),
        "options",
        "option_groups",
    ),
}
_TEXT_FIELDS: dict[str, Rule] = {
    "plain_text_input": _shape({}, {"multiline": _flag, **_TYPED}),
    "email_text_input": _shape({}, _TYPED),
    "url_text_input": _shape({}, _TYPED),
    "number_input": _shape({"is_decimal_allowed": _flag}, {"min_value": _text(20), "max_value": _text(20), **_TYPED}),
}
_OVERFLOW = _shape({"options": _many(_OPTION, 1, 5)}, _USED)
_PRESSED: dict[str, Rule] = {"button": _BUTTON, "overflow": _OVERFLOW, **_FIELDS}
_ID = {"block_id": _text(255)}
_BLOCK = _by(
    "type",
    {
        "section": _either(
            _shape(
                {},
                {
                    "text": _rich(3000),
                    "fields": _many(_rich(2000), 1, 10),
                    "accessory": _by("type", {"image": _IMAGE, **_PRESSED}),
                    "expand": _flag,
                    **_ID,
                },
            ),
            "text",
            "fields",
        ),
        "header": _shape({"text": _plain(150)}, _ID),
        "divider": _shape({}, _ID),
        "context": _shape(
            {
                "elements": _many(
                    _by(
                        "type",
                        {
                            "image": _IMAGE,
                            "mrkdwn": _shape({"text": _text(3000)}, {"verbatim": _flag}),
                            "plain_text": _shape({"text": _text(3000)}, {"emoji": _flag}),
                        },
                    ),
                    1,
                    10,
                )
            },
            _ID,
        ),
        "actions": _shape({"elements": _many(_by("type", _PRESSED), 1, 25)}, _ID),
        "image": _shape(
            {"alt_text": _text(2000)},
            {"image_url": _text(3000), "slack_file": _anything, "title": _plain(2000), **_ID},
        ),
        "input": _shape(
            {"label": _plain(2000), "element": _by("type", {**_FIELDS, **_TEXT_FIELDS})},
            {"hint": _plain(2000), "optional": _flag, "dispatch_action": _flag, **_ID},
        ),
        "markdown": _shape({"text": _text(12000)}, _ID),
        "rich_text": _shape({"elements": _many(_anything, 0, 1000)}, _ID),
    },
)
_KEPT = {
    "private_metadata": _text(3000, least=0),
    "callback_id": _text(255, least=0),
    "external_id": _text(255, least=0),
}
_MODAL = _shape(
    {"title": _plain(24), "blocks": _many(_BLOCK, 0, _IN_VIEW)},
    {
        "submit": _plain(24),
        "close": _plain(24),
        "clear_on_close": _flag,
        "notify_on_close": _flag,
        "submit_disabled": _flag,
        **_KEPT,
    },
)
_HOME = _shape({"blocks": _many(_BLOCK, 0, _IN_VIEW)}, _KEPT)
