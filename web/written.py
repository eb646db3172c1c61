"""Sentences of templates that show no value: written in the page's language when the template is read, once."""

import re
from gettext import GNUTranslations

from jinja2.ext import Extension

# The line's end behind a block goes with it, as `trim_blocks` has it.
_SENTENCE = re.compile(r"\{%-?\s*trans\s*-?%\}((?:(?!\{[{%#]).)*)\{%-?\s*endtrans\s*-?%\}\n?", re.DOTALL)


class Written(Extension):
    """Put translations in the place of plain `trans` blocks; those with values are left to the page."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002
        """Translate a template's source."""
        words = self.environment.globals["words"]
        assert isinstance(words, GNUTranslations)  # noqa: S101 - what made the environment put it there

        def translated(found: re.Match[str]) -> str:
            # As the extension for `trans` asks, which doubles the sign that stands before a value's name.
            lines = [line.strip() for line in found[1].replace("%", "%%").splitlines()]
            sentence = " ".join(line for line in lines if line)
            return words.gettext(sentence).replace("%%", "%")

        return _SENTENCE.sub(translated, source)
