"""PURE. Filling in a modal: what a member's client does before anything is sent."""

from collections.abc import Iterator

from demo.slack.views import View, fields_of, value_of
from demo.slack.wire import Payload

_EMPTY = "Please complete this required field."
Filled = dict[str, str | list[str]]
# A page's form: each name may have come several times.
Form = dict[str, list[str]]


def filled(view: View, values: Filled) -> dict[str, Payload]:
    """Write what was filled in, by action or block, over what a view holds; KeyError for a field there is none of."""
    unknown = set(values)
    made = {block_id: dict(fields) for block_id, fields in view.values.items()}
    for block in view.blocks:
        for element in fields_of(block):
            names = {element["action_id"], block["block_id"]} & values.keys()
            unknown -= names
            for name in names:
                made.setdefault(block["block_id"], {})[element["action_id"]] = value_of(element, values[name])
    if unknown:
        raise KeyError(*sorted(unknown))
    return made


def problems(view: View) -> dict[str, str]:
    """List, by block, what a client refuses to send."""
    return dict(_problems(view))


def _problems(view: View) -> Iterator[tuple[str, str]]:
    for block in view.blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        value = view.values.get(block["block_id"], {}).get(element["action_id"], {})
        given = value.get("value") or value.get("selected_option") or value.get("selected_options")
        if not given and not block.get("optional"):
            yield block["block_id"], _EMPTY
        elif isinstance(given, str) and len(given) < int(element.get("min_length", 0)):
            yield block["block_id"], f"Please enter at least {element['min_length']} characters."
        elif isinstance(given, str) and len(given) > int(element.get("max_length", 3000)):
            yield block["block_id"], f"Please enter no more than {element.get('max_length', 3000)} characters."


def name_of(block: Payload, element: Payload) -> str:
    """Name a field on the page."""
    return f"{block['block_id']}/{element['action_id']}"


def from_form(view: View, form: Form) -> dict[str, Payload]:
    """Read what a page's form says of a view's fields; a field that the form lacks is empty."""
    made = {block_id: dict(fields) for block_id, fields in view.values.items()}
    for block in view.blocks:
        for element in fields_of(block):
            # A browser ends a field's lines with CR LF, Slack with LF.
            given = [one.replace("\r\n", "\n") for one in form.get(name_of(block, element), [])]
            value = value_of(element, given if element["type"] == "checkboxes" else (given or [""])[0])
            made.setdefault(block["block_id"], {})[element["action_id"]] = value
    return made
