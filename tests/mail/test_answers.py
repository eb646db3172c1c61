"""Answers to our mails: confirm, refuse and manage from the mail client, by the mail's own address and once."""

import email
import email.policy
from dataclasses import replace

import pytest

from demo.inbox import Received
from hub.contacts import registration
from hub.contacts.last_answers import last_answers
from hub.domain.outcomes import Added, ByContact
from hub.inbound import mail_queue
from hub.login import password_login
from hub.maintenance import jobs
from hub.outbox import reply_addresses
from mail_gateway.outbound.messages import write
from models.account import Account
from models.contact import Contact, RefusedAddress
from models.delivery import Delivery
from models.inbound import InboundMail
from models.kinds import Answer, Letter, MailUse, Verdict
from models.login import Challenge
from tests.mail.test_outbound_worker import HEAD
from tests.mail.test_outbound_worker import letter as drafted
from tests.support.inbound_smtp import DOMAIN, Postman, answer_to, reply_to

pytestmark = pytest.mark.slow


async def asked_to_confirm(office: Postman, *, address: str = "taro@mail.test") -> tuple[Received, Contact]:
    """Let a member add an address; gives the letter that came there, and the contact."""
    house = office.house
    house.sync()
    member = await house.people.member()
    session = await house.people.stepped_up(member)
    added = await registration.add(house.hub, house.people.visit(), session, label="自宅", address=address)
    assert isinstance(added, Added), added
    letter = await house.inbox.next_to(address)
    return letter, await Contact.get(id=added.contact_id)


@pytest.mark.parametrize("yes", ["はい", "yes", "OK", "Confirm.", "ＹＥＳ"])
async def test_j3_yes_by_mail_confirms_the_contact(office: Postman, yes: str) -> None:
    """The first unquoted line says yes: the contact is confirmed, and an answer says so in the same thread."""
    letter, contact = await asked_to_confirm(office)
    row = await office.answer(letter, yes)
    assert row.verdict is Verdict.CONFIRMED
    await contact.refresh_from_db()
    assert contact.confirmed_at is not None
    assert await Challenge.filter(contact_id=contact.id, answered_at__isnull=False).count() == 1
    answer = await office.house.inbox.next_to("taro@mail.test", after=letter.number)
    assert answer.message["Auto-Submitted"] == "auto-replied"
    assert answer.message["In-Reply-To"] == "<answer-1@mail.test>"
    assert "自宅" in answer.text


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("answer", list(Answer))
def test_every_answer_is_written_in_both_languages(answer: Answer, language: str) -> None:
    """Each has its sentence, and a mail's Message-ID of odd signs makes no header of its own."""
    odd = f"<{'a?=' * 60}@b>"
    claimed = replace(drafted(Letter.ANSWER, language, answer), subject_label="自宅", labels=("自宅",), answers_to=odd)
    written = write(claimed, HEAD)
    # Once in each of the two headers, as it is: mail programs compare ids, they decode nothing in them.
    assert written.count(odd.encode()) == 2
    message = email.message_from_bytes(written, policy=email.policy.default)
    part = message.get_body(("plain",))
    assert part is not None
    assert "taro" in part.get_content()
    assert message["In-Reply-To"] == odd
    assert str(message["References"]).split() == [claimed.thread, odd]


async def test_not_me_by_mail_ends_the_registration(office: Postman) -> None:
    """The reader disowns it: the contact goes and the address is closed to that account."""
    letter, contact = await asked_to_confirm(office)
    row = await office.answer(letter, "心当たりがありません。")
    assert row.verdict is Verdict.REFUSED
    assert not await Contact.exists(id=contact.id)
    assert await RefusedAddress.exists(address_folded="taro@mail.test")


async def test_a_denial_after_a_yes_takes_the_contact_away_again(office: Postman) -> None:
    """A yes by mistake is undone by the mailbox's owner, and the address is closed to the account."""
    letter, contact = await asked_to_confirm(office)
    await office.answer(letter, "yes")
    row = await office.answer(letter, "心当たりがない", number=2)
    assert row.verdict is Verdict.REFUSED
    assert not await Contact.exists(id=contact.id)
    assert await RefusedAddress.exists(address_folded="taro@mail.test")
    assert (await office.answer(letter, "yes", number=3)).verdict is Verdict.TOO_LATE


async def test_a_copy_of_an_answer_is_neither_obeyed_nor_answered(office: Postman) -> None:
    """A server that lost our 250 brings the same mail again."""
    letter, contact = await asked_to_confirm(office)
    await office.answer(letter, "はい")
    for number in (2, 3):
        await office.bring(answer_to(letter, "はい"), to=reply_to(letter), sender=letter.recipient)
        assert (await office.read(number=number)).verdict is Verdict.REPEATED
    assert await Delivery.filter(letter=Letter.ANSWER).count() == 1
    await contact.refresh_from_db()
    assert contact.confirmed_at is not None


async def test_a_confirmed_contact_manages_by_mail_as_on_the_web(office: Postman) -> None:
    """`list` tells the labels; `remove` gives the page, for it needs the password; nothing is removed by mail."""
    house = office.house
    house.sync()
    member = await house.people.member(contacts=("自宅", "携帯"))
    begun = await house.people.begun(member)
    await password_login.choose(house.hub, house.people.visit(), begun.token, ByContact(member.contacts["自宅"]))
    letter = await house.inbox.next_to("taro0@mail.test")
    assert (await office.answer(letter, "一覧")).verdict is Verdict.LISTED
    listed = await house.inbox.next_to("taro0@mail.test", after=letter.number)
    assert "自宅" in listed.text
    assert "携帯" in listed.text
    assert "taro1@mail.test" not in listed.text
    assert (await office.answer(listed, "remove 携帯", number=2)).verdict is Verdict.LINKED
    linked = await house.inbox.next_to("taro0@mail.test", after=listed.number)
    assert f"{house.url}/settings/contacts" in linked.text
    assert await Contact.filter(confirmed_at__isnull=False).count() == 2
    # The first letter's address has been good for its one command.
    assert (await office.answer(letter, "一覧", number=3)).verdict is Verdict.TOO_LATE


async def test_an_address_that_waits_for_its_confirmation_is_told_no_labels(office_on_sqlite: Postman) -> None:
    """Whoever got the mail may be a stranger: `list` is answered with what can be said, nothing more."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    assert (await office_on_sqlite.answer(letter, "list")).verdict is Verdict.HELPED
    answer = await office_on_sqlite.house.inbox.next_to("taro@mail.test", after=letter.number)
    assert "自宅" not in answer.text


async def test_an_answer_after_its_end_confirms_nothing(office_on_sqlite: Postman) -> None:
    """The mail said until when; a day later a yes is too late."""
    letter, contact = await asked_to_confirm(office_on_sqlite)
    office_on_sqlite.house.clock.later(hours=25)
    row = await office_on_sqlite.answer(letter, "yes")
    assert row.verdict is Verdict.TOO_LATE
    await contact.refresh_from_db()
    assert contact.confirmed_at is None


@pytest.mark.parametrize(
    "header",
    [
        {"Auto_Submitted": "auto-replied"},
        {"List_Id": "<people.mail.test>"},
        {"X_Autoreply": "yes"},
    ],
)
async def test_what_a_machine_says_is_never_a_command(office_on_sqlite: Postman, header: dict[str, str]) -> None:
    """RFC 3834's signs: recorded, not acted on, not answered."""
    letter, contact = await asked_to_confirm(office_on_sqlite)
    row = await office_on_sqlite.answer(letter, "yes", **header)
    assert row.verdict is Verdict.AUTOMATIC
    await contact.refresh_from_db()
    assert contact.confirmed_at is None
    assert not await Delivery.exists(letter=Letter.ANSWER)


async def test_a_null_sender_is_never_a_command(office_on_sqlite: Postman) -> None:
    """A bounce may quote anything, a yes as well."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    await office_on_sqlite.bring(answer_to(letter, "yes"), to=reply_to(letter), sender="")
    assert (await office_on_sqlite.read()).verdict is Verdict.AUTOMATIC


async def test_a_spoofed_sender_without_the_address_is_turned_away(office_on_sqlite: Postman) -> None:
    """From alone means nothing: only the letter's own address is known, and one sign of it changed is nobody's."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    right = reply_to(letter)
    last = "a" if right[right.index("@") - 1] != "a" else "b"
    wrong = f"{right[: right.index('@') - 1]}{last}@{DOMAIN}"
    for address in (
        wrong,
        f"tegata@{DOMAIN}",
        "postmaster@elsewhere.test",
        "taro@elsewhere.test",
        right.split("@")[0],
        f"{right}.evil.test",
    ):
        code, _ = await office_on_sqlite.bring(answer_to(letter, "yes"), to=address)
        assert code == 550, address
    assert not await InboundMail.exists()


async def test_the_address_of_another_use_or_delivery_is_not_this_one(office_on_sqlite: Postman) -> None:
    """A bounce address doesn't answer, and a reply address says no other delivery's word."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    right = reply_to(letter)
    code, _ = await office_on_sqlite.bring(b"", to=right.replace("reply+", "bounce+"))
    assert code == 550
    delivery_id = reply_addresses.delivery_id_in(right)
    code, _ = await office_on_sqlite.bring(b"", to=right.replace(f"+{delivery_id}x", f"+{(delivery_id or 0) + 1}x"))
    assert code == 550


async def test_a_server_that_folds_the_case_still_answers(office_on_sqlite: Postman) -> None:
    """Some servers write local parts in capitals."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    address = reply_to(letter)
    code, _ = await office_on_sqlite.bring(answer_to(letter, "yes"), to=address.upper())
    assert code == 250
    assert (await office_on_sqlite.read()).verdict is Verdict.CONFIRMED


async def test_at_most_five_answers_an_hour_go_to_one_address(office_on_sqlite: Postman) -> None:
    """The sixth brings no letter; what is done is told, however many went before."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    for number in range(1, 8):
        await office_on_sqlite.answer(letter, "help", number=number)
    assert await Delivery.filter(letter=Letter.ANSWER).count() == 5
    assert (await office_on_sqlite.answer(letter, "はい", number=8)).verdict is Verdict.CONFIRMED
    assert await Delivery.filter(letter=Letter.ANSWER, notice=Answer.CONFIRMED).count() == 1


async def test_our_own_answers_are_never_answered(office_on_sqlite: Postman) -> None:
    """Our answer to an answer, sent back to us by a forwarder, ends there."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    await office_on_sqlite.answer(letter, "yes")
    answer = await office_on_sqlite.house.inbox.next_to("taro@mail.test", after=letter.number)
    await office_on_sqlite.bring(answer.content, to=reply_to(answer), sender="forwarder@mail.test")
    assert (await office_on_sqlite.read(number=2)).verdict is Verdict.AUTOMATIC
    assert await Delivery.filter(letter=Letter.ANSWER).count() == 1


@pytest.mark.parametrize("no", ["No.", "いいえ"])
async def test_no_to_a_confirmation_ends_the_registration(office_on_sqlite: Postman, no: str) -> None:
    """The mail asked whether the address is theirs; no is as clear an answer as yes."""
    letter, contact = await asked_to_confirm(office_on_sqlite)
    row = await office_on_sqlite.answer(letter, no)
    assert row.verdict is Verdict.REFUSED
    assert not await Contact.exists(id=contact.id)


@pytest.mark.parametrize("no", ["no", "いいえ", "This wasn't me", "身に覚えがございません"])
async def test_each_denial_of_a_code_ends_its_login(office_on_sqlite: Postman, no: str) -> None:
    """A plain no, too."""
    house = office_on_sqlite.house
    house.sync()
    member = await house.people.member(contacts=("自宅",))
    begun = await house.people.begun(member)
    await password_login.choose(house.hub, house.people.visit(), begun.token, ByContact(member.contacts["自宅"]))
    letter = await house.inbox.next_to("taro0@mail.test")
    assert (await office_on_sqlite.answer(letter, no)).verdict is Verdict.REFUSED
    assert (await Account.get(id=member.account.id)).codes_blocked_until is not None


@pytest.mark.parametrize("unclear", ["yes", "help"])
async def test_what_means_nothing_to_a_code_is_answered_with_help(office_on_sqlite: Postman, unclear: str) -> None:
    """The help says what ends the login, and that works as an answer to the help letter."""
    house = office_on_sqlite.house
    house.sync()
    member = await house.people.member(contacts=("自宅",))
    begun = await house.people.begun(member)
    await password_login.choose(house.hub, house.people.visit(), begun.token, ByContact(member.contacts["自宅"]))
    letter = await house.inbox.next_to("taro0@mail.test")
    assert (await office_on_sqlite.answer(letter, unclear)).verdict is Verdict.HELPED
    told = await house.inbox.next_to("taro0@mail.test", after=letter.number)
    assert "not me" in told.text
    assert f"{house.url}/not-me/" in told.text
    assert told.subject == f"Re: {letter.subject}"
    assert (await Account.get(id=member.account.id)).codes_blocked_until is None
    assert (await office_on_sqlite.answer(told, "not me", number=2)).verdict is Verdict.REFUSED
    assert (await Account.get(id=member.account.id)).codes_blocked_until is not None


async def test_help_to_a_confirmation_says_how_to_confirm_and_leaves_the_mail_good(office_on_sqlite: Postman) -> None:
    """Whoever asks what can be said must be able to say it, to the same mail."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    assert (await office_on_sqlite.answer(letter, "help")).verdict is Verdict.HELPED
    told = await office_on_sqlite.house.inbox.next_to("taro@mail.test", after=letter.number)
    assert "yes - register this address" in told.text
    assert "list" not in told.text
    assert (await office_on_sqlite.answer(told, "はい", number=2)).verdict is Verdict.CONFIRMED


async def test_a_denial_of_the_help_letter_ends_the_registration(office_on_sqlite: Postman) -> None:
    """What the help letter tells people to write works as an answer to it."""
    letter, contact = await asked_to_confirm(office_on_sqlite)
    assert (await office_on_sqlite.answer(letter, "どうすればいいですか")).verdict is Verdict.UNCLEAR
    told = await office_on_sqlite.house.inbox.next_to("taro@mail.test", after=letter.number)
    assert "心当たりがない" in told.text or "not me" in told.text
    assert (await office_on_sqlite.answer(told, "not me", number=2)).verdict is Verdict.REFUSED
    assert not await Contact.exists(id=contact.id)


async def test_a_letter_older_than_its_url_is_not_obeyed_by_mail_either(office_on_sqlite: Postman) -> None:
    """Seven days, at every door; the writer is told."""
    house = office_on_sqlite.house
    house.sync()
    member = await house.people.member(contacts=("自宅",))
    begun = await house.people.begun(member)
    await password_login.choose(house.hub, house.people.visit(), begun.token, ByContact(member.contacts["自宅"]))
    letter = await house.inbox.next_to("taro0@mail.test")
    house.clock.later(days=7, hours=1)
    assert (await office_on_sqlite.answer(letter, "not me")).verdict is Verdict.TOO_LATE
    assert (await Account.get(id=member.account.id)).codes_blocked_until is None


async def test_unreadable_mail_to_a_letter_is_kept_and_brings_a_help_letter(office_on_sqlite: Postman) -> None:
    """A person's mail never ends in silence."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    deep = b"From: taro@mail.test\r\nX: " + (b"x" * 70 + b"\r\n ") * 1500 + b"\r\n\r\nyes\r\n"
    await office_on_sqlite.bring(deep, to=reply_to(letter))
    assert (await office_on_sqlite.read()).verdict is Verdict.SHELVED
    told = await office_on_sqlite.house.inbox.next_to("taro@mail.test", after=letter.number)
    assert (await office_on_sqlite.answer(told, "yes", number=2)).verdict is Verdict.CONFIRMED


async def test_mail_to_the_operator_lies_on_the_shelf(office: Postman) -> None:
    """RFC 5321, 4.5.1: the postmaster's mail is taken, from nobody as well; nothing in it is obeyed or answered."""
    house = office.house
    for number, address in enumerate((f"Postmaster@{DOMAIN}", f"abuse@{DOMAIN}", "postmaster"), 1):
        code, _ = await office.bring(b"From: a@b.test\r\n\r\nyes\r\n", to=address, sender="")
        assert code == 250, address
        row = await office.read(number=number)
        assert (row.verdict, row.use, row.delivery_id) == (Verdict.SHELVED, MailUse.OPERATOR, None)
    assert {line.reason for line in await mail_queue.shelf()} == {"it is for the operator: postmaster or abuse"}
    assert not await Delivery.exists()
    house.clock.later(days=31)
    await jobs.prune(house.hub, house.clock())
    assert not await InboundMail.exists()


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("Yes, what is this?", Verdict.UNCLEAR),
        ("はい、でも今は忙しいです", Verdict.UNCLEAR),
        ("", Verdict.UNCLEAR),
    ],
)
async def test_what_is_no_command_brings_a_help_letter(office_on_sqlite: Postman, text: str, verdict: Verdict) -> None:
    """It is never guessed at, and never met with silence."""
    letter, contact = await asked_to_confirm(office_on_sqlite)
    assert (await office_on_sqlite.answer(letter, text)).verdict is verdict
    await contact.refresh_from_db()
    assert contact.confirmed_at is None
    assert await Delivery.filter(letter=Letter.ANSWER).count() == 1


@pytest.mark.parametrize("thanks", ["Thanks!", "ありがとうございました。"])
async def test_thanks_after_the_thing_is_done_get_no_letter(office_on_sqlite: Postman, thanks: str) -> None:
    """While an answer is waited for, they bring the help; a denial counts after them still."""
    letter, contact = await asked_to_confirm(office_on_sqlite)
    inbox = office_on_sqlite.house.inbox
    assert (await office_on_sqlite.answer(letter, thanks)).verdict is Verdict.UNCLEAR
    helped = await inbox.next_to("taro@mail.test", after=letter.number)
    assert (await office_on_sqlite.answer(helped, "yes", number=2)).verdict is Verdict.CONFIRMED
    done = await inbox.next_to("taro@mail.test", after=helped.number)
    for number, text in enumerate((thanks, "OK, thanks", "はい、ありがとうございました"), 3):
        assert (await office_on_sqlite.answer(done, text, number=number)).verdict is Verdict.THANKED
    assert await Delivery.filter(letter=Letter.ANSWER).count() == 2
    assert (await office_on_sqlite.answer(done, f"{thanks} でも私ではありません", number=6)).verdict is Verdict.REFUSED
    assert not await Contact.exists(id=contact.id)


async def test_an_absence_is_not_obeyed_and_brings_no_letter(office_on_sqlite: Postman) -> None:
    """Two programs must not write to each other; the page says what it was taken for."""
    letter, contact = await asked_to_confirm(office_on_sqlite)
    for number, text in enumerate(("不在にしております。", "Yes, I am out of the office until Monday"), 1):
        assert (await office_on_sqlite.answer(letter, text, number=number)).verdict is Verdict.AUTOMATIC
    await contact.refresh_from_db()
    assert contact.confirmed_at is None
    assert not await Delivery.exists(letter=Letter.ANSWER)
    assert (await last_answers([contact.id]))[contact.id].verdict is Verdict.AUTOMATIC


async def test_what_was_read_keeps_no_content_and_no_token(office_on_sqlite: Postman) -> None:
    """What rests in the database after an answer holds neither the words nor the address."""
    letter, _ = await asked_to_confirm(office_on_sqlite)
    row = await office_on_sqlite.answer(letter, "yes")
    assert row.content is None
    token = reply_to(letter).partition("@")[0].partition("x")[2]
    rows = await InboundMail.all().values()
    assert token not in repr(rows).lower()
