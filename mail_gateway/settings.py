"""What the mail door is told by the operator's settings."""

import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import parse_qsl, unquote, urlsplit

from hub.domain.identifiers import host_of

_PORTS = {"smtp": 25, "smtps": 465}


class StartTls(StrEnum):
    """Whether a plain connection is turned into an encrypted one."""

    OFFERED = "offered"
    REQUIRED = "required"
    NEVER = "never"


class BadSmtpUrlError(ValueError):
    """The mail server's URL can't be read; the text says how to write it."""


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """The mail server that takes what we send."""

    host: str
    port: int
    is_tls: bool
    starttls: StartTls
    user: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""

    @property
    def is_loopback(self) -> bool:
        """Whether the way there leaves this machine."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def tls_context(self) -> ssl.SSLContext:
        """Make the context for the server's certificate, checked against a private CA if one is named.

        Where encryption is only taken because it is offered (RFC 7435), a certificate nobody vouches for is still
        better than none; a password never goes over such a connection.
        """
        context = ssl.create_default_context(cafile=self.ca or None)
        if not (self.is_tls or self.user or self.ca or self.starttls is StartTls.REQUIRED):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def relay_address(url: str) -> RelayAddress:
    """Read `smtp://` or `smtps://` with user, password, `?starttls=required|never` and `?ca=FILE`."""
    try:
        parsed = urlsplit(url)
        port = parsed.port
        host = host_of(parsed.hostname or "")
        options = dict(parse_qsl(parsed.query, strict_parsing=bool(parsed.query)))
        starttls = StartTls(options.pop("starttls", StartTls.OFFERED))
    except ValueError as error:
        message = f"the mail server's URL can't be read ({error})"
        raise BadSmtpUrlError(message) from None
    if parsed.scheme not in _PORTS or not host or parsed.path.strip("/"):
        message = "write the mail server as smtp://HOST:PORT or smtps://USER:PASSWORD@HOST:PORT"
        raise BadSmtpUrlError(message)
    ca = options.pop("ca", "")
    if options:
        message = f"the mail server's URL has an unknown option {next(iter(options))!r}; it knows starttls and ca"
        raise BadSmtpUrlError(message)
    return RelayAddress(
        host=host,
        port=port or _PORTS[parsed.scheme],
        is_tls=parsed.scheme == "smtps",
        starttls=starttls,
        user=unquote(parsed.username or ""),
        password=unquote(parsed.password or ""),
        ca=ca,
    )
