"""PURE: sentences joined as each language does it."""

# Behind these a Japanese sentence goes on without a space.
_CLOSED = ("。", "！", "？", "」", "）")


def joined(*sentences: str) -> str:
    """Join sentences: a space behind a Latin full stop, none behind a Japanese one; what is empty falls away."""
    text = ""
    for sentence in filter(None, sentences):
        between = "" if not text or text.endswith(_CLOSED) else " "
        text = f"{text}{between}{sentence}"
    return text
