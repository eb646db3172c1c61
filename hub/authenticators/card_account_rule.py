"""PURE: which account a card's certificate names by the operator's rule."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.x509 import (
    Certificate,
    ExtensionNotFound,
    ObjectIdentifier,
    OtherName,
    RFC822Name,
    SubjectAlternativeName,
)
from cryptography.x509.oid import NameOID

# Microsoft's user principal name, which smart cards carry among their alternative names.
_UPN = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
_UTF8_STRING = 0x0C
_SHORT = 0x80
_SUBJECT = {"CN": NameOID.COMMON_NAME, "UID": NameOID.USER_ID, "serialNumber": NameOID.SERIAL_NUMBER}


@dataclass(frozen=True, slots=True)
class Rule:
    """A field of the certificate, and the pattern that finds the account in it."""

    field: str
    pattern: re.Pattern[str]

    def account_in(self, certificate: Certificate) -> str:
        """Name the account of a certificate; empty where the rule finds none, or more than one."""
        found = {
            match["account"] for value in _FIELDS[self.field](certificate) if (match := self.pattern.fullmatch(value))
        }
        return found.pop() if len(found) == 1 else ""


def rule_of(written: str) -> Rule:
    """Read a rule such as `subject:CN=(?P<account>.+)`; a ValueError says how to write it."""
    field, equals, pattern = written.partition("=")
    if not equals or field not in _FIELDS:
        message = f"write it as FIELD=PATTERN with one of {', '.join(sorted(_FIELDS))}"
        raise ValueError(message)
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        message = f"the pattern can't be read ({error})"
        raise ValueError(message) from error
    if "account" not in compiled.groupindex:
        message = "the pattern needs a group (?P<account>…)"
        raise ValueError(message)
    return Rule(field, compiled)


def _subject(oid: ObjectIdentifier) -> Callable[[Certificate], list[str]]:
    return lambda certificate: [str(one.value) for one in certificate.subject.get_attributes_for_oid(oid)]


def _emails(certificate: Certificate) -> list[str]:
    names = _alternative_names(certificate)
    return names.get_values_for_type(RFC822Name) if names else []


def _principals(certificate: Certificate) -> list[str]:
    names = _alternative_names(certificate)
    others = names.get_values_for_type(OtherName) if names else []
    return [text for one in others if one.type_id == _UPN and (text := _utf8(one.value))]


def _alternative_names(certificate: Certificate) -> SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except ExtensionNotFound:
        return None


def _utf8(der: bytes) -> str:
    """Read a short UTF8String; empty for anything else."""
    if len(der) < 2 or der[0] != _UTF8_STRING or der[1] >= _SHORT or len(der) != 2 + der[1]:  # noqa: PLR2004
        return ""
    return der[2:].decode("utf-8", "replace")


_FIELDS: dict[str, Callable[[Certificate], list[str]]] = {
    **{f"subject:{name}": _subject(oid) for name, oid in _SUBJECT.items()},
    "san:email": _emails,
    "san:upn": _principals,
}
