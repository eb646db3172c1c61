"""Labels and addresses as strangers would write them: refused with a sentence, or shown as text."""

import pytest

from tests.support.journeys import enter_password, log_in, rows, step_up, stepped_up
from tests.support.running_hub import House

BAD_LABELS = [
    "",
    " \t\u3000 ",
    "😀" * 200,
    "a" * 33,
    "home\r\nBcc: all@mail.test",
    "a\nb",
    "a\rb",
    "a\tb",
    "a\x00b",
    "\u202eemoh",
    "\u2066home\u2069",
    "home\u200f",
    "a\u200bb",
    "\u2028",
    "\x1b[31mred",
    "\ufeff",
    "\ufe0f",
]
BAD_ADDRESSES = [
    "",
    "taro",
    "@mail.test",
    "taro@",
    "taro@mail.test\r\nBcc: all@mail.test",
    "taro@mail.test\nX: y",
    "taro@mail.test, hanako@mail.test",
    "taro@mail.test hanako@mail.test",
    "Taro <taro@mail.test>",
    "<taro@mail.test>",
    '"taro bcc"@mail.test',
    "taro(comment)@mail.test",
    "@relay.test:taro@mail.test",
    "taro@[127.0.0.1]",
    "taro\u202e@mail.test",
    "taro@mail\u200b.test",
    "a" * 65 + "@mail.test",
    "taro@" + "a" * 64 + ".test",
    "taro@mail..test",
    "taro@-mail.test",
]
# Of these the part after the @ is what is wrong, and the page says so.
BAD_DOMAINS = {"taro@", "taro@[127.0.0.1]", "taro@" + "a" * 64 + ".test", "taro@mail..test", "taro@-mail.test"}
NO_DOMAIN = "The part after the @ is not an internet domain."


@pytest.mark.parametrize("label", BAD_LABELS)
async def test_a_label_that_cant_be_one_is_refused_with_a_sentence(house_on_sqlite: House, label: str) -> None:
    """Nothing is written, nothing is mailed, and the page says what a label is."""
    house = house_on_sqlite
    async with stepped_up(house, "/settings/email") as person:
        before = await rows()
        await person.press("Add", label=label, email="taro@mail.test")
        assert await rows() == before
        if "\0" in label:
            assert (person.status, person.page) == (400, "bad-request")
            return
        assert (person.status, person.page) == (422, "add-mail")
        assert person.error == "Please use 1 to 32 characters for the label, none of them invisible."


@pytest.mark.parametrize("address", BAD_ADDRESSES)
async def test_an_address_that_cant_be_one_is_refused_with_a_sentence(house_on_sqlite: House, address: str) -> None:
    """One address, plain: no names, comments, routes, literals, line breaks or marks that can't be seen."""
    house = house_on_sqlite
    async with stepped_up(house, "/settings/email") as person:
        before = await rows()
        await person.press("Add", label="自宅", email=address)
        assert await rows() == before
        assert (person.status, person.page) == (422, "add-mail")
        reason = f"{NO_DOMAIN} " if address in BAD_DOMAINS else ""
        assert person.error == f"{reason}Please check the email address."


@pytest.mark.parametrize(
    "label",
    ["<script>alert(1)</script>", "a<b>'\"&", "{{ 7 * 7 }}", "%(label)s %s", "😀" * 32, "👨\u200d👩\u200d👧", "自宅"],
)
async def test_a_label_is_shown_as_it_was_typed(house_on_sqlite: House, label: str) -> None:
    """On the list, the choice and the code page: text, never markup nor a pattern; no confirmation has it."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person:
        await log_in(person, member)
        await step_up(person)
        await person.open("/settings/email")
        await person.press("Add", label=label, email="taro@mail.test")
        assert label in person.text
        letter = await house.inbox.next_to("taro@mail.test")
        assert label not in letter.text
        assert "<script>alert" not in letter.page
        code = letter.text.split("\n    ")[1][:6]
        await person.press("OK", code=code)
        assert label in person.text
        await person.open("/settings/contacts")
        assert label in person.text
        await person.press("Log out")
        await enter_password(person, member)
        assert label in person.text
        await person.press("OK", way=person.option(label))
        assert person.page == "code"
        assert label in person.text
        assert not [one for one in person.soup.find_all("script") if not one.get("src")]
