"""What an operator changes is told to the member's contacts, in the transaction of the change."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from demo.card.authority import KeyKind
from hub.cards import ic_cards
from models.kinds import Notice
from tests.hub.test_bulk_import import cells
from tests.support.cli import Shell
from tests.support.factory import PASSWORD
from tests.support.kiosk_hub import issuer_in

UID, OTHER_UID = "04A1B2C3D4E5F6", "04A1B2C3D4E5F7"
# Each act of an operator with what its contacts are told: in this order each finds what it changes.
ACTS = (
    ("account password taro --password-stdin", Notice.PASSWORD_SET_BY_DESK),
    ("account disable taro", Notice.ACCOUNT_DISABLED),
    ("account enable taro", Notice.ACCOUNT_ENABLED),
    ("account unlock taro", Notice.UNLOCKED_BY_DESK),
    ("contact add taro new new@mail.test", Notice.CONTACT_ADDED),
    ("matrix issue taro", Notice.MATRIX_ISSUED),
    ("matrix import matrix.csv", Notice.MATRIX_ISSUED),
    ("card bind taro --certificate card.pem", Notice.CARD_BOUND),
    ("card block {fingerprint}", Notice.CARD_BLOCKED),
    ("card unblock {fingerprint}", Notice.CARD_UNBLOCKED),
    (f"card bind taro --uid {UID}", Notice.CARD_BOUND),
    ("card forget-uids taro", Notice.CARD_REMOVED),
    ("card import uids.csv", Notice.CARD_BOUND),
    ("card forget-uids taro", Notice.CARD_REMOVED),
)
# Acts that are always told: there is no import of them.
ALWAYS = (
    ("contact remove taro new", Notice.CONTACT_REMOVED),
    ("account reset taro --since 2020-01-01 --password-stdin", Notice.ACCOUNT_RESET),
)


class Desk:
    """An operator's shell with a member who has a contact, and the files that the acts read."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        issuer = issuer_in(shell.folder / "issuer")
        shell.set(**issuer.settings)
        card = issuer.authority.card("Tegata Taro", KeyKind.P256, now=datetime.now(UTC)).certificate
        self.fingerprint = ic_cards.fingerprint_of(card)
        (shell.folder / "card.pem").write_bytes(card.public_bytes(Encoding.PEM))
        (shell.folder / "matrix.csv").write_text(f"account,serial,cells\ntaro,C-1,{cells()}\n")
        (shell.folder / "uids.csv").write_text(f"account,uid\ntaro,{OTHER_UID}\n")
        shell.member("taro")
        assert shell.run("contact", "add", "taro", "home", "home@mail.test", "--quiet").code == 0
        self.file = Path(shell.variables["TEGATA_DATABASE_URL"].removeprefix("sqlite://"))
        # There is something to unlock.
        with sqlite3.connect(self.file) as rows:
            rows.execute("INSERT INTO throttle (subject, wrong, open_at) VALUES ('answer:1:matrix', 3, 0)")

    def act(self, words: str, *more: str) -> int:
        """Type a command."""
        typed = f"{PASSWORD}\n" if "stdin" in words else ""
        return self.shell.run(*words.format(fingerprint=self.fingerprint).split(), *more, typed=typed).code

    def told(self) -> list[str]:
        """Read what the contact `home` was told since the last look."""
        with sqlite3.connect(self.file) as rows:
            found = rows.execute("SELECT notice FROM delivery WHERE label = 'home' ORDER BY id").fetchall()
            rows.execute("DELETE FROM delivery")
        return [notice for (notice,) in found]

    def refuse_deliveries(self) -> None:
        """Have the database refuse each new delivery, as if the process died there."""
        with sqlite3.connect(self.file) as rows:
            rows.execute("CREATE TRIGGER no BEFORE INSERT ON delivery BEGIN SELECT RAISE(ABORT, 'no'); END")

    def allow_deliveries(self) -> None:
        """Take new deliveries again."""
        with sqlite3.connect(self.file) as rows:
            rows.execute("DROP TRIGGER no")

    def state(self) -> list[list[tuple[object, ...]]]:
        """Read all that an operator changes."""
        tables = ("account", "contact", "matrix_card", "ic_card", "uid_card", "soft_token", "throttle", "event")
        with sqlite3.connect(self.file) as rows:
            return [rows.execute(f'SELECT * FROM "{table}"').fetchall() for table in tables]


@pytest.fixture
def at_desk(desk_on_sqlite: Shell) -> Desk:
    """An operator with a member."""
    return Desk(desk_on_sqlite)


def test_each_act_of_an_operator_is_told_to_the_members_contacts(at_desk: Desk) -> None:
    """One notice each, by the documented commands."""
    for words, notice in (*ACTS, *((words, notice) for words, notice in ALWAYS[:1])):
        assert at_desk.act(words) == 0, words
        assert at_desk.told() == [str(notice)], words


def test_an_act_is_undone_with_its_notice_and_quiet_sends_none(at_desk: Desk) -> None:
    """The notice belongs to the transaction of the act: a process that dies in between leaves neither.

    With --quiet, which each of them has, the act is done and nothing is told.
    """
    for words, _ in ACTS:
        at_desk.refuse_deliveries()
        before = at_desk.state()
        assert at_desk.act(words) == 1, words
        assert at_desk.state() == before, words
        at_desk.allow_deliveries()
        assert at_desk.act(words, "--quiet") == 0, words
        assert at_desk.told() == [], words


def test_what_changes_nothing_is_not_told(at_desk: Desk) -> None:
    """To enable an account that is enabled, or to block a card twice, tells the member nothing."""
    assert at_desk.act("card bind taro --certificate card.pem", "--quiet") == 0
    assert at_desk.act("account unlock taro", "--quiet") == 0
    for words in ("account enable taro", "account unlock taro", "card unblock {fingerprint}", "card forget-uids taro"):
        assert at_desk.act(words) == 0, words
        assert at_desk.told() == [], words
    assert at_desk.act("card block {fingerprint}") == 0
    assert at_desk.act("card block {fingerprint}") == 0
    assert at_desk.told() == [str(Notice.CARD_BLOCKED)]


def test_an_import_tells_the_contacts_of_all_its_accounts(at_desk: Desk) -> None:
    """Each row's member is told about their own card, once; an account without a contact costs nothing."""
    shell = at_desk.shell
    for name in ("hanako", "jiro"):
        shell.member(name)
    shell.run("contact", "add", "hanako", "home", "hanako@mail.test", "--quiet")
    rows = [f"{name},C-{number},{cells()}" for number, name in enumerate(("taro", "hanako", "jiro"))]
    (shell.folder / "matrix.csv").write_text("\n".join(["account,serial,cells", *rows, ""]))
    assert at_desk.act("matrix import matrix.csv") == 0
    assert at_desk.told() == [str(Notice.MATRIX_ISSUED)] * 2


def test_the_audit_names_the_unix_user_of_each_act(at_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run as the hub's own user; the audit tells who typed them."""
    monkeypatch.setenv("SUDO_USER", "hana")
    for words, _ in ACTS[:6]:
        at_desk.act(words)
    told = at_desk.shell.run("audit", "list", "--account", "taro", "--json").json[-6:]
    assert [event["detail"]["operator"] for event in told] == ["hana"] * 6


def test_an_operators_notice_speaks_the_language_of_the_members_last_letter(at_desk: Desk) -> None:
    """A command has no page to take the language from."""
    at_desk.act("account unlock taro")
    with sqlite3.connect(at_desk.file) as rows:
        rows.execute("UPDATE delivery SET language = 'ja'")
    at_desk.act("matrix issue taro")
    with sqlite3.connect(at_desk.file) as rows:
        assert rows.execute("SELECT language FROM delivery ORDER BY id").fetchall() == [("ja",), ("ja",)]


def test_the_last_contact_is_told_of_its_own_removal(at_desk: Desk) -> None:
    """By the help desk's commands; its letter ends nothing, for its reader may be the stranger."""
    assert at_desk.act("contact remove taro home") == 0
    assert at_desk.told() == [str(Notice.CONTACT_REMOVED)]
    at_desk.act("contact add taro home home@mail.test", "--quiet")
    assert at_desk.act("account reset taro --since 2020-01-01 --password-stdin") == 0
    assert at_desk.told() == [str(Notice.CONTACT_REMOVED)]
