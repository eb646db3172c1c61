"""J2, J3, J10 and J12 with real mail out and back: directly, and through a real Postfix and our LMTP door."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from demo.inbox import Received
from models.contact import Contact
from models.inbound import InboundMail
from models.kinds import Verdict
from tests.e2e.test_journeys import WORDS
from tests.mail.test_bounces import the_address_died, to_choice
from tests.support.factory import PASSWORD, Member
from tests.support.inbound_smtp import SAMPLES, reply_to
from tests.support.journeys import answer_matrix
from tests.support.mail_routes import WAYS, Way, directly, through_postfix
from tests.support.running_hub import House, Person, code_in, url_in

pytestmark = pytest.mark.slow

SAID = {
    "en": {
        "yes": "yes",
        "not me": "This was not me.",
        "confirmed": "is registered",
        "stopped": "was stopped",
        "offer": 'one word "yes"',
    },
    "ja": {
        "yes": "はい",
        "not me": "心当たりがありません",
        "confirmed": "登録しました",
        "stopped": "取り消しました",
        "offer": "「はい」とだけ",
    },
}
languages = pytest.mark.parametrize("language", ["en", "ja"])


@pytest.fixture(params=WAYS)
async def way(request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Way]:
    """A hub on SQLite with its mail on one of the ways."""
    file = tmp_path / "tegata.db"
    file.write_bytes(sqlite_template.read_bytes())
    opening = through_postfix if request.param == "postfix" else directly
    async with opening(f"sqlite:///{file}", tmp_path) as made:
        yield made


async def enrolling(house: House, person: Person, member: Member, language: str) -> Received:
    """Log in with the matrix card and add an address; gives the letter that came there, the page waiting."""
    words = WORDS[language]
    await person.open("/")
    await person.follow(words["authentication"])
    await person.press("OK", account=member.name, password=PASSWORD)
    await answer_matrix(person, member)
    assert person.page == "portal", person.text
    await person.follow(words["settings"])
    await person.press(words["authenticate"], password=PASSWORD)
    await person.follow(words["email"])
    await person.press(words["add"], label="自宅", email="taro@mail.test")
    assert person.page == "waiting", person.text
    assert SAID[language]["offer"] in person.text
    letter = await house.inbox.next_to("taro@mail.test")
    # Whatever is said of it comes back to the hub.
    assert letter.sender.startswith("bounce+")
    assert reply_to(letter).startswith("reply+")
    return letter


@languages
async def test_j2_register_a_contact_address_on_the_web(way: Way, language: str) -> None:
    """The URL shows elsewhere a code and nothing to press, at home one button; the next login's code comes there."""
    house, words = way.house, WORDS[language]
    member = await house.people.member()
    async with house.person(language=language) as person, house.person(language=language) as elsewhere:
        letter = await enrolling(house, person, member, language)
        await elsewhere.open(url_in(letter))
        assert elsewhere.page == "confirm-elsewhere"
        assert not elsewhere.has_button(words["confirm"])
        await person.open(url_in(letter))
        assert person.page == "confirm"
        await person.press(words["confirm"])
        assert person.page == "confirmed", person.text
        await person.follow(words["list"])
        assert "taro@mail.test" in person.text
        await to_choice(elsewhere, member, language)
        await elsewhere.press("OK", way=elsewhere.option("自宅"))
        code = await house.inbox.next_to("taro@mail.test", after=letter.number)
        await elsewhere.press("OK", code=code_in(code))
        assert elsewhere.page == "portal", elsewhere.text


@languages
async def test_j3_yes_by_mail_confirms_and_an_absence_does_not(way: Way, language: str) -> None:
    """A vacation program's answer and a person's absence leave the page waiting; yes turns it, and a mail says so."""
    house, said = way.house, SAID[language]
    member = await house.people.member()
    async with house.person(language=language) as person:
        letter = await enrolling(house, person, member, language)
        waiting = person.at
        absences = (f"automatic/exchange-{language}", f"nothing/out-of-office-bare-{language}")
        for number, sample in enumerate(absences, 1):
            await way.postman.bring((SAMPLES / f"{sample}.eml").read_bytes(), to=reply_to(letter))
            row = await way.postman.read(number=number)
            assert row.verdict in {Verdict.AUTOMATIC, Verdict.SHELVED}
            await person.open(waiting)
            assert person.page == "waiting"
        row = await way.postman.answer(letter, said["yes"], number=3)
        assert row.verdict is Verdict.CONFIRMED
        await person.open(waiting)
        assert person.page == "confirmed", person.text
        told = await house.inbox.next_to("taro@mail.test", after=letter.number)
        assert said["confirmed"] in told.text
    assert await InboundMail.all().count() == 3


@languages
async def test_j10_a_code_is_disowned_by_answering_its_letter(way: Way, language: str) -> None:
    """The stranger's login ends, codes stay away for a while, and the answer logs nobody in."""
    house, said = way.house, SAID[language]
    member = await house.people.member(contacts=("自宅",))
    async with house.person(language=language) as stranger:
        await to_choice(stranger, member, language)
        await stranger.press("OK", way=stranger.option("自宅"))
        letter = await house.inbox.next_to("taro0@mail.test")
        row = await way.postman.answer(letter, said["not me"])
        assert row.verdict is Verdict.REFUSED
        await stranger.press("OK", code=code_in(letter))
        assert stranger.page == "ended"
        told = await house.inbox.next_to("taro0@mail.test", after=letter.number)
        assert said["stopped"] in told.text
        await to_choice(stranger, member, language)
        await stranger.press("OK", way=stranger.option("自宅"))
        assert stranger.page == "choice"


@languages
async def test_j10_a_login_is_disowned_by_answering_its_notice(way: Way, language: str) -> None:
    """The notice of a new login is answered: the session that it told of is over."""
    house, said = way.house, SAID[language]
    member = await house.people.member(contacts=("自宅",))
    async with house.person(language=language) as stranger:
        await to_choice(stranger, member, language)
        await stranger.press("OK", way="matrix")
        await answer_matrix(stranger, member)
        assert stranger.page == "portal", stranger.text
        letter = await house.inbox.next_to("taro0@mail.test")
        row = await way.postman.answer(letter, said["not me"])
        assert row.verdict is Verdict.REFUSED
        await stranger.open("/portal")
        assert stranger.page == "login"


@languages
async def test_j12_the_address_died(way: Way, language: str) -> None:
    """The code was taken over and comes back as a report (Postfix's own, or the world's): the contact is suspended."""
    house = way.house
    member = await house.people.member(contacts=("自宅", "携帯"))
    async with way.dead("taro0@mail.test"):
        await the_address_died(house, member, language)
    report = await InboundMail.get()
    assert report.verdict is Verdict.BOUNCED
    assert report.sender == ""
    assert (await Contact.get(id=member.contacts["自宅"])).suspended_at is None
    if way.postfix is not None:
        assert "status=bounced" in way.postfix.log()
