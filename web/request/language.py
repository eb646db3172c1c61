"""The words of each language, and which language a browser gets."""

from functools import cache, lru_cache
from gettext import GNUTranslations
from importlib.resources import files
from io import BytesIO

from babel import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = ("en", "ja")
_MOST_PREFERENCES = 10


@cache
def translations(language: str) -> GNUTranslations:
    """Read the words of a language; English is what the code itself says."""
    compiled = BytesIO()
    if language == "en":
        source = BytesIO(b'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n')
    else:
        source = BytesIO(files("web").joinpath("locale", language, "tegata.po").read_bytes())
    write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


@lru_cache(maxsize=1024)
def negotiated(accept_language: str) -> str:
    """Choose the language that a browser asks for; English when it asks for none of ours."""
    wanted = []
    for part in accept_language.split(",")[:_MOST_PREFERENCES]:
        tag, _, quality = part.partition(";")
        wanted.append((_quality(quality), tag.strip().split("-")[0].lower()))
    by_preference = [tag for quality, tag in sorted(wanted, key=lambda pair: -pair[0]) if quality > 0]
    return negotiate_locale(by_preference, LANGUAGES) or "en"


def _quality(text: str) -> float:
    try:
        return float(text.strip().removeprefix("q=")) if text.strip() else 1.0
    except ValueError:
        return 0.0
