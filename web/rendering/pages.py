"""How a page is written: its template, in the reader's language, with what every page needs."""

from datetime import datetime, timedelta
from functools import cache, partial
from gettext import GNUTranslations
from math import ceil
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from aiohttp.web import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from hub.domain.outcomes import Busy, Reason, Refused, Throttled
from hub.settings import Settings
from web.rendering import outcome_text, waiting_text
from web.request.context import START, hub_of, language_of, now_of, read
from web.request.csrf import field_for, keep_visit
from web.request.flash_messages import Said, forget_said, said_to, say
from web.request.language import translations
from web.request.redirects import own_path

# The field that a refusal is about, on pages that have more than one.
_FIELDS = {
    Reason.LABEL_BAD: "label",
    Reason.LABEL_TAKEN: "label",
    Reason.ADDRESS_BAD: "email",
    Reason.ADDRESS_DOTS: "email",
    Reason.ADDRESS_DOMAIN: "email",
    Reason.ADDRESS_OURS: "email",
    Reason.ADDRESS_TAKEN: "email",
    Reason.ADDRESS_REFUSED: "email",
    Reason.ADDRESS_GUARDED: "email",
    Reason.ANSWER_WRONG: "code",
    Reason.CODE_MISSHAPEN: "code",
    Reason.ANSWER_STALE: "code",
    Reason.CODE_USED: "code",
    Reason.CLOCK_OFF: "code",
}


def page(request: Request, name: str, *, status: int = 200, **shown: Any) -> Response:
    """Answer with a page; `shown` is what its template shows, and what the form before it had to say is shown too."""
    said = said_to(request, name)
    if said is not None:
        shown.update(said.typed, error=said.error, wrong=said.wrong, notice=said.notice)
        status = said.status if said.page else status
    seconds = _seconds_left(request, said)
    language = language_of(request)
    settings = hub_of(request).settings
    text = _template(name, language, settings.time_zone).render(
        shown,
        page=name,
        language=language,
        csrf=field_for(request),
        here=_here(request),
        help_url=settings.help_url,
        service=settings.service_in(language),
        at_kiosk=bool(read(request, START)),
        wait=seconds,
        open_at=now_of(request) + timedelta(seconds=seconds),
    )
    response = Response(text=text, content_type="text/html", status=status)
    keep_visit(request, response)
    forget_said(request, response)
    if seconds:
        response.headers["Retry-After"] = str(seconds)
    return response


def bare(settings: Settings, name: str, language: str, *, status: int, **shown: Any) -> Response:
    """Write a page without a request: it has no form, and nothing of a browser's."""
    text = _template(name, language, settings.time_zone).render(
        shown,
        page=name,
        language=language,
        csrf="",
        here="/",
        help_url=settings.help_url,
        service=settings.service_name,
        at_kiosk=False,
    )
    return Response(text=text, content_type="text/html", status=status)


class See(Exception):  # noqa: N818 - no error: the way on after a POST
    """Send the browser on; `response` may be given cookies before this is raised."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.response = Response(status=303, headers={"Location": path})


def see(path: str) -> See:
    """Send the browser on after a POST."""
    return See(path)


def refused(
    request: Request,
    name: str,
    why: Refused | Throttled | Busy,
    *,
    at: str = "",
    beside: bool = False,
    variant: str = "",
    **typed: str,
) -> Response:
    """Send the browser on to the form's page (`at`, else its own path), which says why; `typed` stands there again.

    `variant` names a page that has other fields at this time, by which its sentences are chosen. `beside` says that
    another method is open to a member who has to wait for this one.
    An answer that could be sent again by reload or Back would cost another attempt (RFC 9110, 15.4.4).
    """
    status, sentence, long = _told(request, why, name=variant or name, beside=beside)
    wrong = _FIELDS.get(why.reason, "") if isinstance(why, Refused) else ""
    response = see(at or request.path).response
    open_at = (now_of(request) + long).timestamp() if long else 0.0
    said = Said(name, error=sentence, wrong=wrong, status=status, open_at=open_at, typed=typed)
    say(request, response, said)
    return response


def noted(request: Request, path: str, sentence: str) -> Response:
    """Send the browser on to a page that says a sentence first; `sentence` as the code has it, in English."""
    return note(request, see(path).response, sentence)


def note(request: Request, response: Response, sentence: str) -> Response:
    """Have the next page say a sentence first."""
    words = translations(language_of(request))
    say(request, response, Said(notice=words.gettext(sentence)))
    return response


def turned_away(request: Request, sentence: str, *, status: int, back: str, needs_card: bool = False) -> Response:
    """Say on a page of its own why nothing was done; a form is answered with the way to that page."""
    if request.method != "POST":
        return page(request, "refused", status=status, sentence=sentence, back=back, needs_card=needs_card)
    response = see("/refused").response
    typed = {"sentence": sentence, "back": back, "needs_card": "yes" if needs_card else ""}
    say(request, response, Said("refused", status=status, typed=typed))
    return response


def told(request: Request, why: Refused | Throttled | Busy) -> str:
    """Write the sentence for a refusal."""
    return _told(request, why)[1]


def clock_of(request: Request) -> outcome_text.Clock:
    """Give what writes a time of day in the operator's zone."""
    return partial(_clock, ZoneInfo(hub_of(request).settings.time_zone))


def _told(
    request: Request, why: Refused | Throttled | Busy, *, name: str = "", beside: bool = False
) -> tuple[int, str, timedelta]:
    words = translations(language_of(request))
    match why:
        case Refused():
            return 422, outcome_text.refusal(why, words, clock_of(request), page=name), timedelta()
        case Throttled(retry_after):
            at = clock_of(request)(whole(now_of(request) + retry_after))
            return 429, waiting_text.sentence(why, words, at=at, beside=beside), retry_after
        case Busy(retry_after):
            return 503, words.gettext(_BUSY), retry_after


def whole(at: datetime) -> datetime:
    """Give the next whole second: what is promised for a time must be so at that time."""
    return at.replace(microsecond=0) + timedelta(seconds=bool(at.microsecond))


def _seconds_left(request: Request, said: Said | None) -> int:
    left = said.open_at - now_of(request).timestamp() if said is not None else 0.0
    return ceil(left) if left > 0 else 0


def _here(request: Request) -> str:
    """Name the page that is shown, for the way back to it; after a POST, the page whose form it was."""
    if request.method != "POST":
        return own_path(request.path_qs, "/")
    return own_path(urlsplit(request.headers.get("Referer", "")).path, "/")


_BUSY = outcome_text.N_("Many people are logging in just now. Please try again in a few seconds.")


@cache
def _template(name: str, language: str, time_zone: str) -> Template:
    template = _environment(language, time_zone).get_template(f"{name}.html")
    # Read with every page: a plain dictionary, not the library's chain of them.
    template.globals = dict(template.globals)
    return template


@cache
def _environment(language: str, time_zone: str) -> Environment:
    return environment_with(translations(language), time_zone)


def environment_with(words: GNUTranslations, time_zone: str) -> Environment:
    """Make what reads the templates; what the words say is shown as text, never read as a template."""
    environment = Environment(
        loader=PackageLoader("web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    # The i18n extension adds this method at run time; its stubs don't know it.
    environment.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
    zone = ZoneInfo(time_zone)
    environment.filters["clock"] = partial(_clock, zone)
    environment.filters["moment"] = partial(_moment, zone)
    environment.filters["strength"] = lambda amr: outcome_text.strength(amr, words)
    environment.filters["suspended"] = lambda why: outcome_text.suspended(why, words)
    # Between two sentences: nothing stands behind a Japanese full stop.
    environment.globals["gap"] = "" if words.info().get("language") == "ja" else " "
    environment.globals["error"] = ""
    environment.globals["notice"] = ""
    environment.globals["wrong"] = ""
    environment.globals["matrix_columns"] = "ABCDEFGHIJ"
    environment.globals["matrix_rows"] = "1234567"
    # The pieces that pages share: made once, not imported by each page each time.
    environment.globals["m"] = environment.get_template("_macros.html").module
    return environment


def _clock(zone: ZoneInfo, at: datetime) -> str:
    return at.astimezone(zone).isoformat(" ", "seconds")[11:19]


def _moment(zone: ZoneInfo, at: datetime) -> Markup:
    written = at.astimezone(zone).isoformat(" ", "seconds")
    # Nothing but digits and what stands between them.
    return Markup(f'<time datetime="{written.replace(" ", "T")}">{written[:16]}</time>')  # noqa: S704
