"""What may be a label, an account's name or a mail address, and when two of them are the same."""

import re
import unicodedata

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from hub.outcome import Reason, Refused

LABEL_LENGTH = 32
ACCOUNT_LENGTH = 64
# Letters, digits and the few signs that account names of directories use; never what a mail header or a path minds.
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9._@+-]*")
# Bidirectional controls reorder what is read next to a label (Unicode TR 36, 2.8.1); the rest can't be seen at all.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINERS = {"\u200d", "\ufe0f"}
# PostgreSQL keeps no NUL in a text, and nothing encodes one half of a pair of surrogates.
_UNKEPT = re.compile("[\0\ud800-\udfff]")
# Which domains mail reaches is for the operator's mail server to say: a campus may have `.local` ones of its own.
# The library documents this list as the place to say so.
SPECIAL_USE_DOMAIN_NAMES.clear()


class UnacceptableError(ValueError):
    """A label, name or address that can't be taken."""


def label_of(typed: str) -> str:
    """Trim and check a label (1 to 32 characters, any script); UnacceptableError says it can't be one."""
    trimmed = unicodedata.normalize("NFC", typed).strip()
    if any(unicodedata.category(sign) == "Cc" for sign in trimmed):
        raise UnacceptableError(typed)
    label = " ".join(trimmed.split())
    if not 1 <= len(label) <= LABEL_LENGTH:
        raise UnacceptableError(label)
    if any(unicodedata.category(sign) in _UNSEEN and sign not in _JOINERS for sign in label):
        raise UnacceptableError(label)
    if not any(unicodedata.category(sign)[0] in "LNPS" for sign in label):
        raise UnacceptableError(label)
    return label


def label_or_refusal(typed: str) -> str | Refused:
    """Trim and check a label for whoever answers its member: with the label, or with why it is none."""
    try:
        return label_of(typed)
    except UnacceptableError:
        return Refused(Reason.LABEL_BAD)


def is_kept(typed: str) -> bool:
    """Tell whether every database keeps this text as it is."""
    return _UNKEPT.search(typed) is None


def kept(typed: str) -> str:
    """Give a text as every database keeps it: what none can keep shows as a replacement character."""
    return _UNKEPT.sub("\N{REPLACEMENT CHARACTER}", typed)


def fold_label(label: str) -> str:
    """Give the form by which two labels are the same (NFKC, trimmed, case-folded)."""
    return unicodedata.normalize("NFKC", kept(label)).strip().casefold()[:128]


def account_of(typed: str) -> str:
    """Trim and check an account's name (1 to 64 of letters, digits and `._@+-`); else UnacceptableError."""
    name = unicodedata.normalize("NFKC", typed).strip()
    if len(name) > ACCOUNT_LENGTH or not _ACCOUNT.fullmatch(name.casefold()):
        raise UnacceptableError(name)
    return name


def fold_account(typed: str) -> str:
    """Give the form by which accounts are found: full-width and capitals fold away."""
    return unicodedata.normalize("NFKC", kept(typed)).strip().casefold()[:ACCOUNT_LENGTH]


def address_of(typed: str) -> str:
    """Check one mail address and give it as mail needs it; the local part as typed, IDN as A-labels.

    No comments, source routes, quoted local parts, control or bidirectional characters: UnacceptableError.
    """
    trimmed = unicodedata.normalize("NFC", typed.strip())
    if any(unicodedata.category(sign) in _UNSEEN for sign in trimmed):
        raise UnacceptableError(typed)
    try:
        valid = validate_email(
            trimmed,
            check_deliverability=False,
            globally_deliverable=False,
            allow_quoted_local=False,
            allow_domain_literal=False,
            # RFC 5321, 4.5.3.1.1: a local part has 64 octets at most.
            strict=True,
        )
    except EmailNotValidError as error:
        raise UnacceptableError(typed) from error
    # RFC 3696, 2: no top-level domain is all digits; this is a machine's address without its brackets.
    if valid.ascii_domain.rpartition(".")[2].isdecimal():
        raise UnacceptableError(typed)
    local = trimmed.rpartition("@")[0]
    return f"{local}@{valid.ascii_domain}"


def fold_address(address: str) -> str:
    """Give the form by which two addresses are the same: the domain's case folds, the local part's doesn't."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.casefold()}"


def domain_of(address: str) -> str:
    """Name the domain of an address that was checked."""
    return address.rpartition("@")[2].casefold()


def typed_code(typed: str) -> str:
    """Read a code as typed: full-width digits count, spaces and hyphens fall away."""
    plain = unicodedata.normalize("NFKC", kept(typed))
    return "".join(sign for sign in plain if not sign.isspace() and sign not in "-‐−ー")
