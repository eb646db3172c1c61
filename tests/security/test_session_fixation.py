"""Ids planted in a browser before a rise in privilege, and ids left over after one: worth nothing."""

from yarl import URL

from tests.support.journeys import answer_matrix, enter_password, step_up
from tests.support.running_hub import House, Person

VISIT, LOGIN, SESSION = "tegata-visit", "tegata-login", "tegata-session"


def _plant(person: Person, **values: str) -> None:
    named = {name.replace("_", "-"): value for name, value in values.items()}
    person.session.cookie_jar.update_cookies(named, URL(person.url))


async def test_each_rise_in_privilege_has_a_new_id_and_a_new_token(house_on_sqlite: House) -> None:
    """Password, admission and step-up each give the browser another secret and its forms another token (ASVS 7.2.4)."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person:
        await person.open("/login/account")
        tokens = [person.token()]
        _plant(person, tegata_login="planted-login", tegata_session="planted-session")
        await enter_password(person, member)
        tokens.append(person.token())
        login = person.cookies()[LOGIN]
        assert login != "planted-login"
        await answer_matrix(person, member)
        tokens.append(person.token())
        session = person.cookies()[SESSION]
        assert session not in {"planted-session", login}
        assert LOGIN not in person.cookies()
        assert VISIT not in person.cookies()
        await step_up(person)
        tokens.append(person.token())
        assert person.cookies()[SESSION] != session
        assert len(set(tokens)) == len(tokens)


async def test_an_attackers_visit_is_of_no_use_after_the_login(house_on_sqlite: House) -> None:
    """A visit cookie that the attacker planted, and its token, open no form of the member's session."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as attacker, house.person() as person:
        await attacker.open("/")
        _plant(person, tegata_visit=attacker.cookies()[VISIT])
        await enter_password(person, member)
        await answer_matrix(person, member)
        await person.send("/logout", {"csrf": attacker.token()})
        assert (person.status, person.page) == (403, "forged")


async def test_ids_from_before_a_rise_open_nothing(house_on_sqlite: House) -> None:
    """The login's secret after admission, and the session's from before the step-up, are dead."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person, house.person() as thief:
        await enter_password(person, member)
        login = person.cookies()[LOGIN]
        await answer_matrix(person, member)
        session = person.cookies()[SESSION]
        await step_up(person)
        _plant(thief, tegata_login=login, tegata_session=session)
        await thief.open("/portal")
        assert thief.page == "login"
        await thief.open("/login/matrix")
        assert (thief.status, thief.page) == (403, "ended")


async def test_logout_ends_the_session_itself(house_on_sqlite: House) -> None:
    """A session's id that was copied before the logout opens nothing after it."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person() as person, house.person() as thief:
        await enter_password(person, member)
        await answer_matrix(person, member)
        _plant(thief, tegata_session=person.cookies()[SESSION])
        await person.press("Log out")
        assert person.page == "login"
        assert SESSION not in person.cookies()
        await thief.open("/portal")
        assert thief.page == "login"
