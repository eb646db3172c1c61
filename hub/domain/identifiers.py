"""What may be a label, an account's name or a mail address, and when two of them are the same."""

import re
import unicodedata
from dataclasses import dataclass

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from hub.authenticators.one_time_password import DIGITS
from hub.domain.outcomes import Reason, Refused

LABEL_LENGTH = 32
# Normalising sorts combining marks, which takes the square of their number: a text is measured before it. Each bound
# leaves room for a spelling in parts (three signs for one of Hangul's) and for spaces around.
LONGEST_NAME = 256
LONGEST_LABEL = 200
LONGEST_CODE = 64
# RFC 5321, 4.5.3.1.3: a path has 256 octets.
LONGEST_ADDRESS = 320
ACCOUNT_LENGTH = 64
# Letters, digits and the few signs that account names of directories use; never what a mail header or a path minds.
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9._@+-]*")
# Bidirectional controls reorder what is read next to a label (Unicode TR 36, 2.8.1); the rest can't be seen at all.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINERS = {"\u200d", "\ufe0f"}
# Invisible signs at the ends of a copied text: spaces without width, a byte order mark, direction marks.
_COPIED = "\u00ad\u061c\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_CODES = re.compile(rf"(?<!\d)\d{{{DIGITS}}}(?!\d)")
# What people put between a code's digits: spaces, and the hyphens and dashes of all keyboards.
_HYPHENS = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\ufe63"
_BETWEEN = re.compile(rf"[{_HYPHENS}\s]+")
_PARTED = re.compile(rf"\d(?:[{_HYPHENS}\s]*\d)*")
_UNCOPIED = dict.fromkeys(map(ord, _COPIED))
# PostgreSQL keeps no NUL in a text, and nothing encodes one half of a pair of surrogates.
_UNKEPT = re.compile("[\0\ud800-\udfff]")
_LOCAL_LENGTH = 64
# The full-width signs of a Japanese keyboard, and the full stops of one in a domain (UTS 46, 2.3).
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " "}
_FULL_STOPS = dict.fromkeys(map(ord, "\u3002\uff0e\uff61"), ".")
# RFC 5322's atoms, with dots wherever a carrier put them but at the beginning.
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-][A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]*")
# Which domains mail reaches is for the operator's mail server to say: a campus may have `.local` ones of its own.
# The library documents this list as the place to say so.
SPECIAL_USE_DOMAIN_NAMES.clear()


class UnacceptableError(ValueError):
    """A label, name or address that can't be taken; `reason` says why an address can't."""

    def __init__(self, typed: str, reason: Reason = Reason.ADDRESS_BAD) -> None:
        super().__init__(typed)
        self.reason = reason


# Servers that ignore dots in the local part.
_DOTLESS = {"gmail.com", "googlemail.com"}


def label_of(typed: str) -> str:
    """Trim and check a label (1 to 32 characters, any script); UnacceptableError says it can't be one."""
    trimmed = unicodedata.normalize("NFC", measured(typed, LONGEST_LABEL)).strip()
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


def _trimmed(text: str) -> str:
    """Drop spaces, and the invisible signs that come along with a copied text, at both ends."""
    while (less := text.strip().strip(_COPIED)) != text:
        text = less
    return text


def measured(typed: str, longest: int) -> str:
    """Give a text that has at most so many characters; UnacceptableError when it has more."""
    if len(typed) > longest:
        raise UnacceptableError(typed[:longest])
    return typed


def is_kept(typed: str) -> bool:
    """Tell whether every database keeps this text as it is."""
    return _UNKEPT.search(typed) is None


def kept(typed: str) -> str:
    """Give a text as every database keeps it: what none can keep shows as a replacement character."""
    return _UNKEPT.sub("\N{REPLACEMENT CHARACTER}", typed)


def fold_label(label: str) -> str:
    """Give the form by which two labels are the same (NFKC, trimmed, case-folded)."""
    return unicodedata.normalize("NFKC", kept(label[:LONGEST_LABEL])).strip().casefold()[:128]


def account_of(typed: str) -> str:
    """Trim and check an account's name (1 to 64 of letters, digits and `._@+-`); else UnacceptableError."""
    name = _trimmed(unicodedata.normalize("NFKC", measured(typed, LONGEST_NAME)))
    if len(name) > ACCOUNT_LENGTH or not _ACCOUNT.fullmatch(name.casefold()):
        raise UnacceptableError(name)
    return name


def fold_account(typed: str) -> str:
    """Give the form by which accounts are found: full-width and capitals fold away."""
    return _trimmed(unicodedata.normalize("NFKC", kept(typed[:LONGEST_NAME]))).casefold()[:ACCOUNT_LENGTH]


@dataclass(frozen=True, slots=True)
class AddressRules:
    """What an operator's settings say of addresses.

    `dotted` are the domains of carriers that gave out addresses with dots in odd places; `own` is the domain whose mail
    comes back to this hub; a domain without a dot is a machine's name.
    """

    dotted: tuple[str, ...] = ()
    own: str = ""
    takes_machines: bool = True


_ANY_ADDRESS = AddressRules()


def address_of(typed: str, rules: AddressRules = _ANY_ADDRESS) -> str:
    """Check one mail address and give it as it is kept; the local part as typed, IDN as A-labels, full width folded.

    No comments, source routes, quoted local parts, control or bidirectional characters: UnacceptableError.
    """
    trimmed = unicodedata.normalize("NFC", _trimmed(measured(typed, LONGEST_ADDRESS)).translate(_HALF_WIDTH))
    if any(unicodedata.category(sign) in _UNSEEN for sign in trimmed):
        raise UnacceptableError(typed, Reason.ADDRESS_BAD)
    local, at, domain = trimmed.rpartition("@")
    domain = domain.translate(_FULL_STOPS)
    if not at:
        raise UnacceptableError(typed, Reason.ADDRESS_BAD)
    local = _as_given_out(local, domain, rules)
    # The dots of a carrier's address are no matter for the standard's grammar, and the rest of it is.
    plain = re.sub(r"\.+", ".", local).rstrip(".") if _is_dotted(domain, rules) else local
    try:
        valid = validate_email(
            f"{plain}@{domain}",
            check_deliverability=False,
            globally_deliverable=False,
            allow_quoted_local=False,
            allow_domain_literal=False,
            # RFC 5321, 4.5.3.1.1: a local part has 64 octets at most.
            strict=True,
        )
    except EmailNotValidError as error:
        raise UnacceptableError(typed, _why(plain, domain)) from error
    ascii_domain = valid.ascii_domain
    # RFC 3696, 2: no top-level domain is all digits; this is a machine's address without its brackets.
    if ascii_domain.rpartition(".")[2].isdecimal() or not (rules.takes_machines or "." in ascii_domain):
        raise UnacceptableError(typed, Reason.ADDRESS_DOMAIN)
    if ascii_domain == rules.own:
        raise UnacceptableError(typed, Reason.ADDRESS_OURS)
    if len(local.encode()) > _LOCAL_LENGTH:
        raise UnacceptableError(typed, Reason.ADDRESS_BAD)
    return f"{local}@{ascii_domain}"


def _is_dotted(domain: str, rules: AddressRules) -> bool:
    if not rules.dotted:
        return False
    try:
        return host_of(domain.casefold()) in rules.dotted
    except UnacceptableError:
        return False


def _as_given_out(local: str, domain: str, rules: AddressRules) -> str:
    """Give a carrier's local part without the quotes that the standard wants around its dots."""
    is_quoted = len(local) > 2 and local[0] == local[-1] == '"'  # noqa: PLR2004 - a sign between two quotes
    inside = local[1:-1] if is_quoted and _is_dotted(domain, rules) else local
    return inside if _ATOMS.fullmatch(inside) else local


def _why(local: str, domain: str) -> Reason:
    """Tell what is wrong with an address, for the one who typed it."""
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return Reason.ADDRESS_DOTS
    if {"<", ">"} & {*local, *domain}:
        # A name with its address: the domain may well be one.
        return Reason.ADDRESS_BAD
    try:
        validate_email(f"x@{domain}", check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return Reason.ADDRESS_DOMAIN
    return Reason.ADDRESS_BAD


def shown_address(address: str) -> str:
    """Give a kept address as its owner writes it: an IDN in its own script."""
    local, at, domain = address.rpartition("@")
    if "xn--" not in domain:
        return address
    try:
        valid = validate_email(f"x@{domain}", check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return address
    return f"{local}{at}{valid.domain}"


def mail_address(address: str) -> str:
    """Give a kept address as mail servers need it: quoted where its dots are in odd places (RFC 5321, 4.1.2)."""
    local, _, domain = address.rpartition("@")
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return f'"{local}"@{domain}'
    return address


def fold_address(address: str) -> str:
    """Give the form by which two addresses are the same: the domain's case folds, the local part's doesn't."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.casefold()}"


def mailbox_of(address: str) -> str:
    """Give the mailbox that spellings of an address lead to, for limits only: case and `+tag` fall away.

    At Gmail dots fall away as well. What is not known of another server makes two mailboxes of one at the worst.
    """
    local, _, domain = address.casefold().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _DOTLESS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def domain_of(address: str) -> str:
    """Name the domain of an address that was checked."""
    return address.rpartition("@")[2].casefold()


def host_of(written: str) -> str:
    """Give a host as the DNS and browsers write it, an IDN as A-labels (RFC 5891); else UnacceptableError."""
    return written if written.isascii() else domain_of(address_of(f"host@{written}"))


def typed_code(typed: str) -> str:
    """Read a code as typed: digits of any script count, spaces and hyphens fall away; empty when it is too long."""
    if len(typed) > LONGEST_CODE:
        return ""
    plain = unicodedata.normalize("NFKC", kept(typed)).translate(_UNCOPIED)
    plain = "".join(str(unicodedata.decimal(sign, sign)) for sign in plain)
    joined = _BETWEEN.sub("", plain)
    if joined.isdecimal():
        return joined
    # A phone copies the whole message: the code is the one number of six digits in it, or the one that is parted.
    for numbers in (_CODES.findall(plain), _parted_codes(plain)):
        if len(numbers) == 1:
            return str(numbers[0])
    return joined


def _parted_codes(plain: str) -> list[str]:
    """Find the numbers of six digits in a text that have spaces or hyphens between their digits."""
    numbers = (_BETWEEN.sub("", number) for number in _PARTED.findall(plain))
    return [number for number in numbers if len(number) == DIGITS]
