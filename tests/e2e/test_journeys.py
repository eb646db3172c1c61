"""The journeys of the guide, walked by their words with a browser that runs no scripts."""

import pyotp
import pytest

from models.session import Session
from tests.support.factory import PASSWORD, Member
from tests.support.running_hub import ELSEWHERE, House, Person, code_in, url_in

WORDS = {
    "en": {
        "authentication": "Matrix/OTP/Soft Token Authentication",
        "settings": "One-Time Password & Soft Token Settings",
        "authenticate": "Authenticate",
        "email": "Email",
        "add": "Add",
        "list": "List of Contact Email Addresses",
        "confirm": "Confirm",
        "matrix": "Matrix",
        "remove": "Remove",
        "log out": "Log out",
    },
    "ja": {
        "authentication": "マトリクス・OTP・ソフトトークン認証",
        "settings": "ワンタイムパスワード・ソフトトークン設定",
        "authenticate": "認証",
        "email": "メール",
        "add": "追加",
        "list": "連絡先メールアドレス一覧",
        "confirm": "登録する",
        "matrix": "マトリクス",
        "remove": "削除",
        "log out": "ログアウト",
    },
}
pytestmark = pytest.mark.parametrize("language", ["en", "ja"])


async def _enter_password(person: Person, member: Member, language: str) -> None:
    await person.open("/")
    assert person.page == "login"
    await person.follow(WORDS[language]["authentication"])
    assert person.page == "account"
    await person.press("OK", account=member.name, password=PASSWORD)


async def _answer_matrix(person: Person, member: Member) -> None:
    assert person.page == "matrix"
    cells = [label.strip("[]") for label in person.labels()]
    columns = [cell[0] for cell in cells]
    assert columns == sorted(columns)
    await person.press("OK", **{f"cell{number}": member.cells[cell] for number, cell in enumerate(cells, 1)})
    assert person.page == "portal", person.text


async def _open_settings(person: Person, language: str) -> None:
    await person.follow(WORDS[language]["settings"])
    assert person.page == "step-up"
    await person.press(WORDS[language]["authenticate"], password=PASSWORD)
    assert person.page == "settings", person.text


async def _add_address(house: House, person: Person, language: str) -> str:
    """Register taro@mail.test as 自宅 by its URL; returns the path of the mailed URL."""
    await _open_settings(person, language)
    await person.follow(WORDS[language]["email"])
    assert person.page == "add-mail"
    await person.press(WORDS[language]["add"], label="自宅", email="taro@mail.test")
    assert person.page == "waiting", person.text
    letter = await house.inbox.next_to("taro@mail.test")
    await person.open(url_in(letter))
    assert person.page == "confirm"
    assert "自宅" in person.text
    await person.press(WORDS[language]["confirm"])
    assert person.page == "confirmed", person.text
    return url_in(letter)


async def test_j1_first_login_with_the_matrix_card(house: House, language: str) -> None:
    """Account and password, then three cells at once; reload and a wrong answer ask for the same cells."""
    member = await house.people.member()
    async with house.person(language=language) as person:
        await _enter_password(person, member, language)
        assert person.page == "matrix"
        asked = person.labels()
        await person.open("/login/matrix")
        assert person.labels() == asked
        await person.press("OK", cell1="00", cell2="00", cell3="00")
        assert person.status == 422
        assert person.error
        assert person.labels() == asked
        house.clock.later(seconds=2)
        await _answer_matrix(person, member)
        assert await Session.exists(amr="pwd matrix mfa", ended_at=None)


async def test_j2_register_a_contact_address_on_the_web(house: House, language: str) -> None:
    """Setting, password again, Email, Label and Email, Add, the mailed URL, Registered, the list."""
    member = await house.people.member()
    async with house.person(language=language) as person:
        await _enter_password(person, member, language)
        await _answer_matrix(person, member)
        await _add_address(house, person, language)
        await person.follow(WORDS[language]["list"])
        assert person.page == "contacts"
        assert "自宅" in person.text
        assert "taro@mail.test" in person.text


async def test_j2_in_any_other_browser_the_url_confirms_nothing(house: House, language: str) -> None:
    """A scanner that follows and submits everything sees the code and changes nothing; the code is typed at home."""
    member = await house.people.member()
    async with house.person(language=language) as person, house.person(language=language) as scanner:
        await _enter_password(person, member, language)
        await _answer_matrix(person, member)
        await _open_settings(person, language)
        await person.follow(WORDS[language]["email"])
        await person.press(WORDS[language]["add"], label="携帯", email="taro@phone.test")
        letter = await house.inbox.next_to("taro@phone.test")
        await scanner.open(url_in(letter))
        assert scanner.page == "confirm-elsewhere"
        assert code_in(letter) in scanner.text
        assert not scanner.has_button(WORDS[language]["confirm"])
        await scanner.send(url_in(letter), {"csrf": scanner.token()})
        await person.open("/settings/contacts")
        await person.follow("携帯")
        assert person.page == "waiting"
        await person.press("OK", code=code_in(letter))
        assert person.page == "confirmed", person.text


async def test_j2_is_refused_off_campus_by_matrix(house: House, language: str) -> None:
    """A session opened with the matrix card from off campus may not enrol, and is told what works instead."""
    member = await house.people.member()
    async with house.person(language=language, address=ELSEWHERE) as person:
        await _enter_password(person, member, language)
        await _answer_matrix(person, member)
        await person.follow(WORDS[language]["settings"])
        assert person.page == "refused-here"
        assert person.status == 403
        for path in ("/settings", "/settings/email", "/settings/contacts", "/settings/soft-token"):
            await person.open(path)
            assert person.page == "refused-here"


async def test_j5_login_with_a_one_time_password(house: House, language: str) -> None:
    """Choose the label, read the mail, type the code with spaces and full-width digits."""
    member = await house.people.member(contacts=("自宅",))
    async with house.person(language=language) as person:
        await _enter_password(person, member, language)
        assert person.page == "choice"
        assert "@" not in person.text
        await person.press("OK", way=person.option("自宅"))
        assert person.page == "code"
        letter = await house.inbox.next_to("taro0@mail.test")
        await person.open("/login/code")
        assert "自宅" in person.text
        code = code_in(letter)
        wide = code.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
        await person.press("OK", code=f" {wide[:3]} {wide[3:]} ")
        assert person.page == "portal", person.text
        assert await Session.exists(amr="pwd otp mfa", ended_at=None)


async def test_j7_soft_token(house: House, language: str) -> None:
    """Set up with a QR code, proved with one code before it counts; at login a code is accepted once."""
    member = await house.people.member()
    async with house.person(language=language) as person:
        await _enter_password(person, member, language)
        await _answer_matrix(person, member)
        await _open_settings(person, language)
        await person.open("/settings/soft-token")
        secret = "".join(str(person.soup.select_one(".secret-groups")).split(">")[2].split("<")[0].split())
        token = pyotp.TOTP(secret)
        await person.press("OK", label="phone", code="000000")
        assert person.status == 422
        await person.press("OK", label="phone", code=token.at(house.clock()))
        assert person.page == "settings", person.text
        await person.press(WORDS[language]["log out"])
        house.clock.later(seconds=31)
        await _enter_password(person, member, language)
        await person.press("OK", way="soft-token")
        assert person.page == "soft-token"
        code = token.at(house.clock())
        await person.press("OK", code=code)
        assert person.page == "portal", person.text
        await person.press(WORDS[language]["log out"])
        await _enter_password(person, member, language)
        await person.press("OK", way="soft-token")
        await person.press("OK", code=code)
        assert person.status == 422


async def test_j8_back_to_matrix(house: House, language: str) -> None:
    """Matrix can be chosen but is never first; when the last address is removed, matrix is all that is asked."""
    member = await house.people.member(contacts=("自宅",))
    async with house.person(language=language) as person:
        await _enter_password(person, member, language)
        assert person.page == "choice"
        assert WORDS[language]["matrix"] in person.labels()[-1]
        first = person.soup.select_one("input[type=radio][checked]")
        assert first is not None
        assert str(first["value"]).startswith("contact:")
        await person.press("OK", way="matrix")
        await _answer_matrix(person, member)
        await _open_settings(person, language)
        await person.follow(WORDS[language]["list"])
        await person.follow(WORDS[language]["remove"])
        assert person.page == "remove"
        assert person.soup.select_one(".note") is not None
        await person.press(WORDS[language]["remove"])
        assert person.page == "contacts"
        await person.press(WORDS[language]["log out"])
        await _enter_password(person, member, language)
        assert person.page == "matrix"
