"""PURE: which paths a claimant may be sent on to."""

from urllib.parse import unquote

_HOME = "/portal"


def own_path(wanted: str, otherwise: str = _HOME) -> str:
    """Give a path of ours as it was asked for, or `otherwise`: never another host, scheme or control character."""
    plain = unquote(unquote(wanted))
    if not plain.startswith("/") or not plain.isprintable():
        return otherwise
    # `//host` and `/\host` lead elsewhere (WHATWG URL), and no path of ours has such signs further on.
    if "\\" in plain or "//" in plain.partition("?")[0]:
        return otherwise
    return wanted if wanted.startswith("/") and wanted.isascii() and wanted.isprintable() else otherwise
