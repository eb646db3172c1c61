"""What a person wrote in an answer, below, above and between what mail programs put there; and who is no machine."""

from email.message import EmailMessage

import pytest

from hub.inbound.answers.commands import command_of
from hub.inbound.mail_commands import Confirm, Refuse
from mail_gateway.inbound.answers.own_text import own_text
from mail_gateway.inbound.parsing import Parsed, parse

LETTER = """Tegata にログイン中の方が、このメールアドレスを
ワンタイムパスワードの送り先に登録しようとしています。

ご本人の場合は、ログイン中のブラウザで次の URL を開いてください。

https://portal.example/confirm/12-abcdef

または、登録を始めた画面に次のコードを入力してください。

    482913

または、このメールに「はい」とだけ書いて返信してください。

アカウント: taro

お心当たりがない場合は、コードをどこにも入力しないでください。次の URL を開いて
「取り消す」を押すか、このメールに「心当たりがない」と返信すると、登録は取り消されます。

https://portal.example/not-me/12-abcdef
"""
ENGLISH = """Somebody who is logged in to Tegata wants to receive one-time
passwords at this address.

or answer this mail with the one word "yes".

If this was not you, do not type the code anywhere. Open this URL and press
"Yes, stop it", or answer this mail with "not me", and the address is not registered:

https://portal.example/not-me/12-abcdef
"""


def quoted(mark: str, letter: str = LETTER) -> str:
    """Quote the letter with a mark."""
    return "".join(f"{mark}{line}\n" for line in letter.splitlines())


ABOVE = [
    "2026年11月28日(土) 22:20 Tegata <portal@hub.example>:\n\n",
    "2026年11月28日(土) 22:20 Tegata <\nportal@hub.example>:\n\n",
    "On Sat, Nov 28, 2026 at 10:20 PM Tegata, the login of the university <\nportal@hub.example> wrote:\n\n",
    "On Sat, Nov 28, 2026 at 10:20 PM Tegata <portal@hub.example> wrote:\n",
    "On 28 Nov 2026, at 22:20, Tegata <portal@hub.example> wrote:\n\n",
    "From: Tegata <portal@hub.example>\nSubject: Confirm your email address\nDate: Sat, 28 Nov 2026 22:20:00 +0900\n\n",
    "差出人: Tegata <portal@hub.example>\n件名: メールアドレスの登録の確認\n日時: 2026年11月28日 22:20\n\n",
    "2026/11/28 22:20、Tegata <portal@hub.example>のメール:\n\n",
    "Tegata <portal@hub.example> さんは書きました:\n",
    "Tegata wrote:\n",
    "Am 28.11.26 um 22:20 schrieb Tegata:\n",
    "At Sat, 28 Nov 2026 22:20:00 +0900,\nTegata wrote:\n",
    "In message <abc@hub.example>\n Tegata <portal@hub.example> wrote:\n",
    "-----Original Message-----\nFrom: Tegata <portal@hub.example>\n\n",
    "",
]


@pytest.mark.parametrize("mark", ["> ", ">", "portal> ", "| ", "＞", "T> "])
@pytest.mark.parametrize("above", ABOVE)
@pytest.mark.parametrize("answer", ["はい", "Yes"])
def test_an_answer_below_a_marked_quote_is_found(above: str, mark: str, answer: str) -> None:
    """Whatever the program writes above the quote, and however it marks it."""
    assert own_text(f"{above}{quoted(mark)}\n{answer}\n") == answer


@pytest.mark.parametrize("above", ABOVE)
@pytest.mark.parametrize("answer", ["はい", "Yes", "This wasn't me"])
def test_an_answer_above_a_marked_quote_is_found(above: str, answer: str) -> None:
    """The quote holds words of denial and of consent; they are not the writer's."""
    assert own_text(f"{answer}\n\n{above}{quoted('> ')}") == answer


@pytest.mark.parametrize(
    "above",
    [
        "差出人: Tegata <portal@hub.example>\n送信日時: 2026年11月28日 22:20\n宛先: taro@example.org\n件名: 確認\n\n",
        "From: Tegata <portal@hub.example>\nSent: Saturday, November 28, 2026 10:20 PM\nTo: Taro\nSubject: Confirm\n\n",
        "________________________________\nFrom: Tegata <portal@hub.example>\nSent: Saturday\nSubject: Confirm\n\n",
        "----- Original Message -----\nFrom: Tegata <portal@hub.example>\nDate: 2026/11/28\n\n",
        "-----元のメッセージ-----\n",
        "On Sat, Nov 28, 2026 at 10:20 PM Tegata <portal@hub.example> wrote:\n\n",
        "",
    ],
)
@pytest.mark.parametrize("letter", [LETTER, ENGLISH])
@pytest.mark.parametrize("answer", ["はい", "yes"])
def test_a_quote_without_marks_never_counts(above: str, letter: str, answer: str) -> None:
    """Our own letter's lines are known."""
    assert command_of(own_text(f"{answer}\n\n{above}{letter}")) == Confirm()
    assert command_of(own_text(f"{above}{letter}")) is None


@pytest.mark.parametrize(
    "line", ["メールアドレスの登録の確認 (Tegata):", "Confirm your address (Tegata):", "前にいただいた文面："]
)
@pytest.mark.parametrize("gap", ["", "\n"])
def test_a_line_that_announces_a_quote_with_a_colon_is_no_answer(line: str, gap: str) -> None:
    """The subject, or any other words that a program puts there; alone above a quote it stays what was written."""
    assert command_of(own_text(f"はい\n\n{line}\n{gap}{quoted('> ')}")) == Confirm()
    assert own_text(f"{line}\n{quoted('> ')}").strip() == line


def test_a_denial_with_a_colon_above_a_quote_stays_a_denial() -> None:
    """It is written by the person."""
    assert isinstance(command_of(own_text(f"はい\n心当たりがありません：\n{quoted('> ')}")), Refuse)


def test_an_answer_below_our_unmarked_letter_is_found() -> None:
    """A program that marks nothing."""
    assert command_of(own_text(f"{LETTER}\nはい\n")) == Confirm()
    assert command_of(own_text(f"{LETTER}\n身に覚えがありません。\n")) == Refuse()


@pytest.mark.parametrize(
    "below",
    [
        "-- \n山田太郎\n取消係",
        "--\nTaro Yamada\nStop the war",
        "Sent from my iPhone",
        "iPhoneから送信",
        "Get Outlook for iOS",
        "Outlook for iOS を入手",
        "----------------------------\n山田太郎\n手形大学 工学部\nTel: 03-0000-0000",
        "Best regards,\nTaro Yamada",
        "This e-mail is confidential. If you are not the intended recipient, please do not use it.\nDelete and stop.",
        "本メールには機密情報が含まれます。誤って受信された場合は、破棄してください。",
    ],
)
def test_a_signature_and_a_footer_say_nothing(below: str) -> None:
    """Whatever words stand in them."""
    assert command_of(own_text(f"はい\n\n{below}\n")) == Confirm()


def test_what_openpgp_puts_around_an_answer_says_nothing() -> None:
    """The armour of a signed text, in either direction of the answer."""
    for said, command in (("はい", Confirm()), ("- no", Refuse())):
        armoured = (
            f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{said}\n-----BEGIN PGP SIGNATURE-----\n\niQEz=\n"
        )
        assert command_of(own_text(f"{armoured}-----END PGP SIGNATURE-----\n")) == command


def test_a_denial_below_a_line_of_dashes_counts() -> None:
    """It may be no signature."""
    assert command_of(own_text("はい\n----------\nやはり心当たりがありません。")) == Refuse()
    assert command_of(own_text("はい\n本メールの登録は私が頼んだものではありません。")) == Refuse()


def mail(text: str = "はい", *, subject: str = "Re: 確認", sender: str = "taro@example.org", **headers: str) -> Parsed:
    """Write a mail and take it apart as an answer."""
    head = [
        f"From: {sender}",
        f"Subject: {subject}",
        "Message-ID: <a@example.org>",
        "Content-Type: text/plain; charset=utf-8",
    ]
    head += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return parse(("\r\n".join(head) + f"\r\n\r\n{text}\r\n").encode(), is_report=False)


@pytest.mark.parametrize(
    "given",
    [
        {"X_Auto_Response_Suppress": "DR, OOF, AutoReply"},
        {"List_Unsubscribe": "<mailto:u@esp.example>"},
        {"Precedence": "bulk"},
        {"Auto_Submitted": "no (written by hand)"},
        {"Auto_Submitted": "No; reason=hand"},
        {"sender": "root <root@lab.example>"},
        {"sender": "postmaster@lab.example"},
        {"sender": "Yamada, Taro <taro@example.org>"},
        {"sender": "taro@example.org (Taro"},
        {"subject": "休暇の件"},
        {"subject": "Vacation plans"},
        {"sender": "山田太郎 <taro@example.org>"},
        {"sender": "Taro <taro@例え.example>"},
        {"subject": "確認の件"},
    ],
)
def test_a_person_is_not_taken_for_a_machine(given: dict[str, str]) -> None:
    """A weak sign decides nothing, and no bytes in a header end the reader."""
    parsed = mail(**given)
    assert (parsed.machine, parsed.doubt) == ("", "")
    assert command_of(parsed.text) == Confirm()


@pytest.mark.parametrize(
    "given",
    [
        {"subject": "自動応答: 確認"},
        {"subject": "Automatic reply: Confirm"},
        {"subject": "Re: Out of office: Confirm"},
        {"subject": "不在通知"},
        {"Precedence": "junk", "subject": "away from my desk"},
    ],
)
def test_a_subject_of_an_automatic_answer_makes_one_doubt(given: dict[str, str]) -> None:
    """The writer is told; it is no proof."""
    parsed = mail(**given)
    assert parsed.machine == ""
    assert parsed.doubt


@pytest.mark.parametrize(
    ("sender", "address"),
    [
        ("Yamada, Taro <taro@example.org>", "taro@example.org"),
        ("山田太郎 <taro@example.org>", "taro@example.org"),
        ("Taro <taro@例え.example>", "taro@例え.example"),
        ("太郎@例え.example", "太郎@例え.example"),
        ('"a@b.example" <taro@example.org>', "taro@example.org"),
    ],
)
def test_the_senders_address_is_read_whatever_stands_around_it(sender: str, address: str) -> None:
    """RFC 6532: an address may hold any letters."""
    assert mail(sender=sender).from_address == address


def html(page: str, *, plain: str | None = None) -> Parsed:
    """Write a mail with a page, and take it apart."""
    message = EmailMessage()
    message["From"] = "taro@example.org"
    if plain is None:
        message.set_content(page, subtype="html")
    else:
        message.set_content(plain)
        message.add_alternative(page, subtype="html")
    return parse(message.as_bytes(), is_report=False)


HIDDEN = '<div style="display:none">\u200b\u200c</div><br><br><div dir="auto">はい</div>'


@pytest.mark.parametrize(
    ("page", "plain"),
    [
        (HIDDEN, None),
        ('<span style="display:none;max-height:0">Preview of the mail</span><p>はい</p>', None),
        ('<p style="font-size:0px">x</p><p>はい</p>', None),
        ("<p>はい</p>", "このメールはHTML形式です。"),
        ("<p>はい</p>", "This message is in HTML format."),
        ("<p>はい</p>", ""),
        (
            '<p>はい</p><div class="gmail_quote"><div>2026年</div><blockquote>not me</blockquote></div>',
            None,
        ),
        ('<p>はい</p><hr><div id="divRplyFwdMsg">差出人: Tegata</div><div>心当たりがない場合は</div>', None),
        ('<p>はい</p><div id="ms-outlook-mobile-signature">Get Outlook for iOS</div>', None),
    ],
)
def test_a_page_is_read_without_what_it_hides_and_quotes(page: str, plain: str | None) -> None:
    """What the writer sees is what the writer said."""
    assert command_of(html(page, plain=plain).text) == Confirm()


@pytest.mark.parametrize("encoding", ["euc_jp", "cp932", "utf-8"])
@pytest.mark.parametrize("named", ["", "; charset=us-ascii", "; charset=utf-8"])
def test_the_charset_is_told_by_the_bytes_where_nobody_names_it(encoding: str, named: str) -> None:
    """EUC-JP and Shift_JIS have bytes in common."""
    head = f"From: a@b.example\r\nContent-Type: text/plain{named}\r\n\r\n"
    for said, command in (("はい", Confirm()), ("心当たりがありません", Refuse())):
        assert command_of(parse(head.encode() + said.encode(encoding) + b"\r\n").text) == command


@pytest.mark.parametrize(
    "kind", ["application/pkcs7-mime; smime-type=signed-data", "application/x-pkcs7-mime", "application/pdf"]
)
def test_mail_without_a_text_has_no_words(kind: str) -> None:
    """It is a person's still, and gets a help letter."""
    parsed = parse(
        f"From: a@b.example\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n".encode()
    )
    assert (parsed.machine, parsed.doubt, parsed.text) == ("", "", "")


def test_the_subject_is_no_answer() -> None:
    """Only the text is."""
    assert command_of(mail("", subject="はい").text) is None


def test_a_message_inside_an_answer_says_nothing() -> None:
    """Our letter, carried along as an attachment, holds words of denial."""
    inner = EmailMessage()
    inner.set_content(LETTER)
    outer = EmailMessage()
    outer["From"] = "taro@example.org"
    outer.set_content("はい\n")
    outer.add_attachment(inner)
    assert command_of(parse(outer.as_bytes(), is_report=False).text) == Confirm()
