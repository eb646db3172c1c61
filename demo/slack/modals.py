"""What becomes of a modal that was sent, by what the app answered."""

from datetime import datetime

from demo.slack.methods import view_of
from demo.slack.sending import Dispatched
from demo.slack.views import View, Views
from demo.slack.wire import Payload, SlackError

_TROUBLE = "We had some trouble connecting. Try again?"


def follow(views: Views, view: View, told: Dispatched, *, now: datetime) -> None:
    """Close it, show what is wrong in it, or show what comes next."""
    if told.error:
        view.errors = {"": _TROUBLE}
        return
    answer = told.answer or {}
    match answer.get("response_action"):
        case "errors":
            view.errors = {str(name): str(text) for name, text in answer.get("errors", {}).items()}
        case "update" | "push" as action:
            _show(views, view, answer.get("view"), is_pushed=action == "push", now=now)
        case "clear":
            views.close_all(view.user)
        case _:
            view.is_open = False


def _show(views: Views, view: View, content: Payload | None, *, is_pushed: bool, now: datetime) -> None:
    try:
        shown = view_of(content, "modal")
        if is_pushed:
            views.push(view.user, shown, on=view.id, now=now)
        else:
            views.update(view, shown, seen="", now=now)
    except SlackError as error:
        view.errors = {"": f"{_TROUBLE} ({error.error})"}
