"""Japanese and English: which one a page has, and that no word of either is missing."""

import ast
import re
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from hub.domain.outcomes import Reason, Refused
from hub.domain.sentences import joined
from models.account import Account
from tests.support.journeys import answer_matrix, enter_password, house_with, log_in
from tests.support.paths import ROOT
from tests.support.running_hub import House
from web.rendering import outcome_text, pages
from web.request.language import negotiated, translations

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd%]")
# Words that are the same in both languages on purpose.
SAME = {"OK", "PIN"}


@pytest.fixture(scope="module")
def extracted() -> set[str]:
    """The English words in templates and code, found as babel.cfg says."""
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found = extract_from_dir(ROOT, methods, options, keywords={"_": None, "gettext": None, "N_": None})
    return {str(words) for _, _, words, _, _ in found if words}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The Japanese words."""
    return read_po(BytesIO((ROOT / "web/locale/ja/tegata.po").read_bytes()), locale="ja")


def _messages(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def test_every_word_has_its_japanese(extracted: set[str], catalog: Catalog) -> None:
    """None is missing, none is left over, none is marked as obsolete."""
    known = {str(message.id) for message in _messages(catalog)}
    assert len(extracted) > 100
    assert extracted - known == set()
    assert known - extracted == set()
    assert not catalog.obsolete


def test_no_translation_is_empty_doubtful_or_english(catalog: Catalog) -> None:
    """Each is written, meant, and in Japanese."""
    for message in _messages(catalog):
        assert message.string, message.id
        assert not message.fuzzy, message.id
        assert message.id in SAME or not str(message.string).isascii(), message.id


# What pages, mail, Slack and commands said once; the usual words stand there now.
RIDDLES = (
    "this was no try",
    "Tries left",
    "Whoever",
    "can be seen",
    "anew",
    "by the clock",
    "Proved with",
    "How to go on",
    "no longer good",
    "Asked at",
    "mend",
    "parted by",
    "if you say nothing",
    "waits for anything",
    "could prove it is you",
    "is not open to you",
    "all ways",
    "every way is open",
    "contacts are told",
    "It is ended",
    "so, you can",
    "Say which",
    "begin so",
)
JAPANESE_RIDDLES = (
    "他人",
    "閉じられ",
    "要求元",
    "思いのほか",
    "ヘルプデスク",
    "一時的なパスワード",
    "ブラウザー",
    "ほかの手段",
    "このコードは終了",
    "暗証番号（PIN）",
    "守られている",
    "間違いが多すぎ",
)


@pytest.fixture(scope="module")
def spoken(extracted: set[str], catalog: Catalog) -> set[str]:
    """Whatever the hub says: pages in both languages, mail, Slack, commands and settings."""
    sources = [
        *ROOT.glob("bot/*.py"),
        *ROOT.glob("cli/*.py"),
        ROOT / "mail_gateway/outbound/messages.py",
        ROOT / "hub/outbox/notice_text.py",
        ROOT / "reader_kiosk/messages.py",
        ROOT / "hub/settings.py",
    ]
    letters = {path.read_text(encoding="utf-8") for path in ROOT.glob("mail_gateway/templates/*.txt")}
    japanese = {str(message.string) for message in _messages(catalog)}
    return extracted | japanese | letters | {text for path in sources for text in _strings(path)}


def _strings(path: Path) -> set[str]:
    """Give the strings of a source file but its docstrings, which only a command shows."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = {
        ast.get_docstring(one, clean=False)
        for one in ast.walk(tree)
        if isinstance(one, ast.Module | ast.ClassDef | ast.AsyncFunctionDef)
        or (isinstance(one, ast.FunctionDef) and not one.decorator_list)
    }
    strings = {one.value for one in ast.walk(tree) if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return strings - hidden


@pytest.mark.parametrize("riddle", [*RIDDLES, *JAPANESE_RIDDLES])
def test_nothing_that_is_said_is_a_riddle(spoken: set[str], riddle: str) -> None:
    """One thing has one word, and it is the usual one, wherever it is said."""
    word = re.compile(rf"\b{re.escape(riddle)}\b" if riddle.isascii() else re.escape(riddle), re.IGNORECASE)
    assert not [sentence for sentence in spoken if word.search(sentence)]


@pytest.mark.parametrize(
    ("language", "left", "sentence"),
    [
        ("en", 1, "That code is not correct. 1 attempt left."),
        ("en", 2, "That code is not correct. 2 attempts left."),
        ("ja", 2, "コードが正しくありません。あと2回入力できます。"),
    ],
)
def test_a_wrong_code_says_how_many_attempts_are_left(language: str, left: int, sentence: str) -> None:
    """In the grammar of each language."""
    refused = Refused(Reason.ANSWER_WRONG, tries_left=left)
    assert outcome_text.refusal(refused, translations(language), str) == sentence


def test_wrong_cells_are_not_called_a_code() -> None:
    """What was typed are characters from a card."""
    refused = Refused(Reason.ANSWER_WRONG, tries_left=2)
    said = outcome_text.refusal(refused, translations("en"), str, page="matrix")
    assert said == "Those characters are not correct. 2 attempts left."


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        ("account", "Account or password is not right."),
        ("named-account", "The password is not right."),
        ("step-up", "The password is not right."),
    ],
)
def test_a_wrong_password_names_only_what_the_page_asks_for(page: str, sentence: str) -> None:
    """No account is typed in the settings, nor where a card has named it."""
    said = outcome_text.refusal(Refused(Reason.PASSWORD_WRONG), translations("en"), str, page=page)
    assert said == sentence
    assert (
        "アカウント" in outcome_text.refusal(Refused(Reason.PASSWORD_WRONG), translations("ja"), str, page=page)
    ) == (page == "account")


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("One.", "Two."), "One. Two."),
        (("一つ。", "二つ。"), "一つ。二つ。"),
        (("一つ", "二つ。"), "一つ 二つ。"),
        (("", "二つ。", ""), "二つ。"),
        ((), ""),
    ],
)
def test_two_sentences_are_joined_as_their_language_does(parts: tuple[str, ...], text: str) -> None:
    """No space stands behind a Japanese full stop."""
    assert joined(*parts) == text


def test_nothing_has_a_space_behind_a_japanese_full_stop(spoken: set[str]) -> None:
    """Neither within a text nor between two of a template."""
    templates = {path.read_text(encoding="utf-8") for path in ROOT.glob("*/templates/*.*")}
    assert not [text for text in spoken | templates if re.search("[。！？] ", text)]
    assert not [text for text in templates if re.search(r"{% endtrans %} +{(% trans|{ (m\.)?countdown)", text)]


def test_placeholders_are_the_same(catalog: Catalog) -> None:
    """What is filled in on one side is filled in on the other."""
    for message in _messages(catalog):
        there, here = PLACEHOLDER.findall(str(message.id)), PLACEHOLDER.findall(str(message.string))
        assert sorted(there) == sorted(here), message.id


def test_markup_is_the_same(catalog: Catalog) -> None:
    """An element that stands in a sentence stands in its translation."""
    for message in _messages(catalog):
        there, here = (re.findall(r"</?\w+[^>]*>", str(text)) for text in (message.id, message.string))
        assert sorted(there) == sorted(here), message.id


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("", "en"),
        ("ja", "ja"),
        ("ja-JP", "ja"),
        ("JA-jp", "ja"),
        ("en-GB,en;q=0.9,ja;q=0.8", "en"),
        ("ja,en-US;q=0.7,en;q=0.3", "ja"),
        ("fr;q=1.0, ja;q=0.4, en;q=0.2", "ja"),
        ("en;q=0.2, ja;q=0.4", "ja"),
        ("ja;q=0, en", "en"),
        ("fr, de", "en"),
        ("*", "en"),
        ("ja;q=abc", "en"),
        ("ja;q=nan", "en"),
        (";;;,,,=", "en"),
        ("\udcff", "en"),
        ("x," * 100_000, "en"),
    ],
)
def test_the_browser_chooses(asked: str, given: str) -> None:
    """Accept-Language by its weights; English for whoever asks for neither."""
    assert negotiated(asked) == given


async def test_the_switch_is_kept_in_a_cookie_and_in_the_account(house_on_sqlite: House) -> None:
    """Before the login it is the browser's; within it is the member's, and comes along to another browser."""
    house = house_on_sqlite
    member = await house.people.member(contacts=("自宅",))
    async with house.person() as person, house.person() as elsewhere:
        await person.open("/")
        await person.press("日本語")
        assert "ログイン" in person.text
        await person.open("/help")
        assert person.soup.html["lang"] == "ja"
        await person.press("English")
        await log_in(person, member)
        assert (await Account.get(name=member.name)).language == ""
        await person.press("日本語")
        assert (await Account.get(name=member.name)).language == "ja"
        await log_in(elsewhere, member)
        assert elsewhere.soup.html["lang"] == "ja"
        await enter_password(elsewhere, member)
        await elsewhere.press("OK", way=elsewhere.option("自宅"))
        letter = await house.inbox.next_to("taro0@mail.test")
        assert letter.message["Content-Language"] == "ja"


async def test_another_language_than_ours_is_not_kept(house_on_sqlite: House) -> None:
    """A form that asks for a third one changes nothing."""
    house = house_on_sqlite
    async with house.person() as person:
        await person.open("/")
        for wanted in ("fr", "", "ja\r\nSet-Cookie: a=b", "../ja"):
            await person.send("/language", {"csrf": person.token(), "language": wanted, "next": "/help"})
            assert person.soup.html["lang"] == "en"
            assert "tegata-language" not in person.cookies()


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_each_page_says_its_language_and_offers_the_other(house_on_sqlite: House, language: str) -> None:
    """`lang` on the page, and on the switch the other's, so that a screen reader speaks both right."""
    house = house_on_sqlite
    member = await house.people.member()
    async with house.person(language=language) as person:
        await person.open("/")
        pages = ["/", "/login/account", "/login/ic-card", "/help", "/nowhere", "/login/choice", "/confirm/1-a"]
        for path in pages:
            await person.open(path)
            _speaks(person.soup, language)
        await person.open("/login/account")
        await person.press("OK", account=member.name, password="correct horse battery")
        _speaks(person.soup, language)


def _speaks(soup: object, language: str) -> None:
    switch = soup.select_one("form.language button")  # type: ignore[attr-defined]
    assert soup.html["lang"] == language  # type: ignore[attr-defined]
    assert switch["lang"] == ("en" if language == "ja" else "ja")
    assert switch["value"] == switch["lang"]
    words = soup.find("h1").get_text()  # type: ignore[attr-defined]
    assert words.isascii() is (language == "en")


def test_a_translation_is_text_and_never_a_template() -> None:
    """What a catalogue says between braces is shown as it stands, with values and without."""
    catalog = Catalog(locale="ja")
    catalog.add("Portal", "{{ 6*7 }} {# note #}")
    catalog.add("Added %(time)s", "{{ 6*7 }} %(time)s")
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    environment = pages.environment_with(GNUTranslations(compiled), "Asia/Tokyo")
    text = environment.from_string(
        "{% trans %}Portal{% endtrans %}, {% trans time='<b>' %}Added {{ time }}{% endtrans %}, {{ _('Portal') }}"
    ).render()
    assert text == "{{ 6*7 }} {# note #}, {{ 6*7 }} &lt;b&gt;, {{ 6*7 }} {# note #}"


async def test_the_language_switched_to_on_the_way_in_stays(house_on_sqlite: House) -> None:
    """The account's own language counts where the member did not choose just now."""
    house = house_on_sqlite
    member = await house.people.member()
    await Account.filter(id=member.account.id).update(language="ja")
    async with house.person(language="ja") as person:
        await enter_password(person, member)
        await person.press("English")
        await answer_matrix(person, member)
        assert person.page == "portal"
        assert person.soup.html["lang"] == "en"  # type: ignore[index]
        await person.press("Log out")
        await log_in(person, member)
        assert person.soup.html["lang"] == "ja"  # type: ignore[index]


async def test_the_service_has_a_name_in_each_language(sqlite_template: Path, tmp_path: Path) -> None:
    """On each page, in its title and at its top; soft-token apps show the one that is not Japanese."""
    names = {"service_name": "Toto Portal", "service_name_ja": "東都ポータル"}
    async with house_with(sqlite_template, tmp_path, **names) as house:
        for language, name in (("en", "Toto Portal"), ("ja", "東都ポータル")):
            async with house.person(language=language) as person:
                await person.open("/")
                assert person.soup.title.get_text().endswith(name)
                assert person.soup.select_one("header .home").get_text(strip=True) == name


@pytest.mark.parametrize(("language", "place"), [("en", "your direct messages"), ("ja", "ダイレクトメッセージ")])
def test_a_contact_whose_label_is_slack_is_not_called_slack_twice(language: str, place: str) -> None:
    """The line of its delivery names Slack already."""
    assert outcome_text.place("Slack", translations(language)) == place
    assert outcome_text.place("研究室", translations(language)) == "研究室"
