"""Labels, account names and addresses: what is taken, what is the same, what is refused."""

import pytest

from hub.domain.identifiers import (
    AddressRules,
    UnacceptableError,
    account_of,
    address_of,
    fold_account,
    fold_address,
    fold_label,
    label_of,
    mail_address,
    shown_address,
    typed_code,
)
from hub.domain.outcomes import Reason

BIDI = ["\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\u200e", "\u200f"]
UNSEEN = [
    "\0",
    "\t",
    "\r\n",
    "\n",
    "\x85",
    "\x07",
    "\x1b",
    "\x7f",
    "\u00ad",
    "\u200b",
    "\u2060",
    "\ufeff",
    "\ue000",
    "\U000e0041",
]


@pytest.mark.parametrize(
    ("typed", "label"),
    [
        ("自宅", "自宅"),
        ("  携帯 \u3000", "携帯"),
        ("My  home \u3000 mail", "My home mail"),
        ("x", "x"),
        ("あ" * 32, "あ" * 32),
        ("📱", "📱"),
        ("👩‍💻 仕事", "👩‍💻 仕事"),
        ("❤️", "❤️"),
        ("e\u0301cole", "école"),
        ("عمل", "عمل"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_a_label_of_any_script_is_taken(typed: str, label: str) -> None:
    """1 to 32 characters, trimmed, runs of space made one."""
    assert label_of(typed) == label


@pytest.mark.parametrize("typed", ["", "   ", "\u3000", "あ" * 33, "📱" * 200, "\u200d", "\u0301", "\ufe0f\ufe0f"])
def test_what_shows_nothing_or_too_much_is_no_label(typed: str) -> None:
    """Neither empty, nor joiners and marks alone, nor longer than 32."""
    with pytest.raises(UnacceptableError):
        label_of(typed)


@pytest.mark.parametrize("sign", [*BIDI, *UNSEEN])
def test_what_reorders_or_cant_be_seen_stands_in_no_label(sign: str) -> None:
    """It would turn the words beside it on the page round, or make two labels look the same."""
    with pytest.raises(UnacceptableError):
        label_of(f"a{sign}b")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("自宅", " 自宅　"),
        ("ABC", "ＡＢＣ"),
        ("Home", "hOME"),
        ("ガラケー", "ｶﾞﾗｹｰ"),
        ("①", "1"),
        ("Straße", "STRASSE"),
    ],
)
def test_two_labels_are_the_same_after_nfkc_and_trimming(one: str, other: str) -> None:
    """A reader would not tell them apart."""
    assert fold_label(label_of(one)) == fold_label(label_of(other))


def test_two_labels_that_read_differently_are_two() -> None:
    """自宅 is not 自宅2, and the fold of the longest label still fits its column."""
    assert fold_label("自宅") != fold_label("自宅2")
    # NFKC makes 18 characters of this one.
    assert len(fold_label("\ufdfa" * 32)) <= 128


@pytest.mark.parametrize(
    ("typed", "name", "folded"),
    [
        ("taro", "taro", "taro"),
        (" Taro ", "Taro", "taro"),
        ("ＴＡＲＯ０１", "TARO01", "taro01"),
        ("t.yamada@example.ac.jp", "t.yamada@example.ac.jp", "t.yamada@example.ac.jp"),
        ("9" * 64, "9" * 64, "9" * 64),
    ],
)
def test_an_account_is_found_in_any_width_and_case(typed: str, name: str, folded: str) -> None:
    """As people type it on a Japanese keyboard with the capitals on."""
    assert account_of(typed) == name
    assert fold_account(typed) == folded


@pytest.mark.parametrize(
    "typed",
    ["", " ", "x" * 65, "-x", ".x", "a b", "a/b", "a\\b", "太郎", "a\r\nb", "a:b", "a\u202eb", "a<b", "ÀB", "a\0"],
)
def test_what_would_trouble_a_header_or_a_path_is_no_account(typed: str) -> None:
    """Letters, digits and . _ @ + - only."""
    with pytest.raises(UnacceptableError):
        account_of(typed)


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("taro@example.org", "taro@example.org"),
        (" taro@example.org\n", "taro@example.org"),
        ("Taro.Yamada+tag@Example.ORG", "Taro.Yamada+tag@example.org"),
        ("o'brien@example.org", "o'brien@example.org"),
        ("taro@日本語.jp", "taro@xn--wgv71a119e.jp"),
        ("taro@例え。テスト", "taro@xn--r8jz45g.xn--zckzah"),
        ("taro@mail.campus.local", "taro@mail.campus.local"),
        ("太郎@example.org", "太郎@example.org"),
        ("ｔａｒｏ＠ｅｘａｍｐｌｅ．ａｃ．ｊｐ", "taro@example.ac.jp"),
        ("taro＠example。ac。jp", "taro@example.ac.jp"),
        ("ｔａｒｏ＋ｘ@example.com", "taro+x@example.com"),
        ("\u3000taro@example.org\u3000", "taro@example.org"),
    ],
)
def test_one_address_is_taken_with_its_local_part_as_typed(typed: str, address: str) -> None:
    """The domain in small letters and as A-labels; a campus's own domain is for its mail server to know."""
    assert address_of(typed) == address


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "taro",
        "@example.org",
        "taro@",
        "a@b@example.org",
        "taro@example.org, hanako@example.org",
        "taro@example.org hanako@example.org",
        "taro@example.org;hanako@example.org",
        "taro(comment)@example.org",
        "taro@example.org(comment)",
        "@relay.test:taro@example.org",
        "@relay.test,@other.test:taro@example.org",
        "Taro <taro@example.org>",
        "<taro@example.org>",
        '"taro yamada"@example.org',
        "taro@[192.0.2.1]",
        "taro@192.0.2.1",
        "taro@example.org\r\nBcc: hanako@example.org",
        "taro\r\n@example.org",
        "ta\0ro@example.org",
        "ta\u202ero@example.org",
        "ta\u200bro@example.org",
        "taro@exa\u2066mple.org",
        ".taro@example.org",
        "taro.@example.org",
        "ta..ro@example.org",
        "taro@-example.org",
        "taro@exam ple.org",
        "taro@example..org",
        "x" * 65 + "@example.org",
        "taro@" + "x" * 64 + ".org",
        "taro%example.com@",
        "mailto:taro@example.org@x",
    ],
)
def test_address_tricks_are_refused(typed: str) -> None:
    """One address: no comments, no source routes, no list, no quoting, no literal, nothing unseen."""
    with pytest.raises(UnacceptableError):
        address_of(typed)


def test_two_addresses_are_the_same_when_only_the_domains_case_differs() -> None:
    """RFC 5321, 2.4: the local part belongs to the mailbox's own server."""
    assert fold_address(address_of("taro@EXAMPLE.org")) == fold_address("taro@example.org")
    assert fold_address("Taro@example.org") != fold_address("taro@example.org")


CARRIERS = AddressRules(dotted=("docomo.ne.jp", "ezweb.ne.jp"), own="hub.example", takes_machines=False)


@pytest.mark.parametrize(
    ("typed", "kept", "sent"),
    [
        ("taro..y@docomo.ne.jp", "taro..y@docomo.ne.jp", '"taro..y"@docomo.ne.jp'),
        ("taro.@DoCoMo.ne.jp", "taro.@docomo.ne.jp", '"taro."@docomo.ne.jp'),
        ('"taro...y."@ezweb.ne.jp', "taro...y.@ezweb.ne.jp", '"taro...y."@ezweb.ne.jp'),
        ("ｔａｒｏ．．ｙ＠ｄｏｃｏｍｏ．ｎｅ．ｊｐ", "taro..y@docomo.ne.jp", '"taro..y"@docomo.ne.jp'),
        ("taro.y@docomo.ne.jp", "taro.y@docomo.ne.jp", "taro.y@docomo.ne.jp"),
        ('"taro"@docomo.ne.jp', "taro@docomo.ne.jp", "taro@docomo.ne.jp"),
    ],
)
def test_a_carriers_dots_are_taken_and_sent_in_quotes(typed: str, kept: str, sent: str) -> None:
    """Japanese carriers gave such addresses out until 2009; the standard wants quotes around them."""
    assert address_of(typed, CARRIERS) == kept
    assert mail_address(kept) == sent


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("taro..y@example.org", Reason.ADDRESS_DOTS),
        ("taro.@example.org", Reason.ADDRESS_DOTS),
        (".taro@docomo.ne.jp", Reason.ADDRESS_DOTS),
        ("taro..y@sub.docomo.ne.jp.example", Reason.ADDRESS_DOTS),
        ("taro@example..org", Reason.ADDRESS_DOMAIN),
        ("taro@-example.org", Reason.ADDRESS_DOMAIN),
        ("taro@localhost", Reason.ADDRESS_DOMAIN),
        ("taro@192.0.2.1", Reason.ADDRESS_DOMAIN),
        ("nobody@hub.example", Reason.ADDRESS_OURS),
        ("reply+1xabc@HUB.example", Reason.ADDRESS_OURS),
        ("taro", Reason.ADDRESS_BAD),
        ("taro yamada@example.org", Reason.ADDRESS_BAD),
        ('"taro\\"..y"@docomo.ne.jp', Reason.ADDRESS_BAD),
        ("taro..y <x@docomo.ne.jp", Reason.ADDRESS_BAD),
        ("a" * 60 + "....." + "@docomo.ne.jp", Reason.ADDRESS_BAD),
    ],
)
def test_an_address_is_refused_with_its_reason(typed: str, reason: Reason) -> None:
    """Dots, domain, our own domain, or anything else; a machine's name is no domain outside the demo."""
    with pytest.raises(UnacceptableError) as refusal:
        address_of(typed, CARRIERS)
    assert refusal.value.reason is reason


@pytest.mark.parametrize("typed", ["taro@日本語.jp", "taro@例え.example", "taro@example.org", "太郎@例え.example"])
def test_an_idn_is_shown_as_it_was_typed(typed: str) -> None:
    """Kept as A-labels for mail servers, shown in its own script."""
    assert shown_address(address_of(typed)) == typed


@pytest.mark.parametrize("sign", [*BIDI, "\u200b", "\u2060", "\ufeff", "\u00ad"])
def test_invisible_signs_around_a_copied_text_are_dropped(sign: str) -> None:
    """They come along from mails and documents, and the member can't see them."""
    assert address_of(f"{sign}taro@example.com{sign} ") == "taro@example.com"
    assert account_of(f"{sign} taro{sign}") == "taro"
    assert fold_account(f"Taro{sign} {sign}") == "taro"
    assert typed_code(f"{sign}123{sign}456{sign}") == "123456"
