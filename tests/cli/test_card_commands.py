"""Kiosks and IC cards at the command line."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from demo.card.authority import KeyKind
from hub.cards import ic_cards
from hub.context import opened
from hub.settings import load
from models.kiosk import Kiosk, UidCard
from tests.hub.test_certificates import odd_certificates
from tests.hub.test_revocation_lists import SHARD, crl, delta_of, point
from tests.support.cli import Shell
from tests.support.kiosk_hub import Issuer, issuer_in, pem


@pytest.fixture
def issuer_of(desk: Shell) -> Issuer:
    """An issuer whose cards the desk's hub takes."""
    made = issuer_in(desk.folder / "issuer")
    desk.set(**made.settings)
    return made


def written(shell: Shell, name: str, content: bytes) -> Path:
    """Write a file."""
    file = shell.folder / name
    file.write_bytes(content)
    return file


def test_a_kiosk_is_added_listed_and_revoked(desk: Shell) -> None:
    """The command prints what is typed at the kiosk; the list says what it waits for; revoked, the name is free."""
    added = desk.run("kiosk", "add", "Library, first floor", "--zone", "on-campus")
    assert added.code == 0
    assert (
        f"sudo -u tegata-kiosk /opt/tegata/bin/python -m reader_kiosk enrol {desk.variables['TEGATA_ORIGIN']} -"
        in added.err
    )
    (code,) = added.out.split()
    assert len(code.replace("-", "")) == 16
    listed = desk.run("kiosk", "list")
    assert listed.out == "Library, first floor  on-campus  waits to be enrolled\n"
    assert code not in listed.out
    again = desk.run("kiosk", "add", "library, first floor", "--zone", "on-campus")
    assert (again.code, "there is a kiosk of this name" in again.err) == (1, True)
    assert "0 open sessions ended" in desk.run("kiosk", "revoke", "Library, first floor").out
    assert "revoked" in desk.run("kiosk", "list").out
    assert desk.run("kiosk", "add", "Library, first floor", "--zone", "off-campus").code == 0
    nobody = desk.run("kiosk", "revoke", "Gym")
    assert (nobody.code, "no kiosk of this name" in nobody.err) == (1, True)
    assert [one["zone"] for one in desk.run("kiosk", "list", "--json").json] == ["off-campus", "on-campus"]


def test_the_code_rests_nowhere(desk_on_sqlite: Shell) -> None:
    """Only its digest is in the row."""
    code = desk_on_sqlite.run("kiosk", "add", "Gym", "--zone", "on-campus").out.split()[-1]

    async def row() -> str:
        async with opened(load()):
            return str(dict(await Kiosk.get(name="Gym")))

    told = asyncio.run(row())
    assert code not in told
    assert code.replace("-", "") not in told


@pytest.mark.parametrize("form", [Encoding.PEM, Encoding.DER])
def test_a_card_is_bound_listed_blocked_and_unblocked(desk: Shell, issuer_of: Issuer, form: Encoding) -> None:
    """By its certificate in a file; named by the first digits of its fingerprint."""
    desk.member()
    card = issuer_of.card()
    file = written(desk, "card.crt", card.certificate.public_bytes(form))
    bound = desk.run("card", "bind", "taro", "--certificate", file)
    fingerprint = ic_cards.fingerprint_of(card.certificate)
    assert (bound.code, fingerprint in bound.out) == (0, True)
    again = desk.run("card", "bind", "taro", "--certificate", file)
    assert (again.code, "bound already" in again.err) == (1, True)
    assert f"taro  {fingerprint[:16]}  CN=taro  valid until" in desk.run("card", "list").out
    assert "0 open sessions ended" in desk.run("card", "block", fingerprint[:12]).out
    assert "blocked" in desk.run("card", "list", "taro").out
    assert desk.run("card", "unblock", fingerprint).code == 0
    assert "blocked" not in desk.run("card", "list", "taro").out
    assert desk.run("card", "block", "abcdef").code == 1
    assert desk.run("card", "block", "0" * 64).code == 1


def test_a_card_that_no_kiosk_would_take_is_not_bound(desk: Shell, issuer_of: Issuer, tmp_path: Path) -> None:
    """Foreign, expired, weak or no certificate at all: said at once, in a sentence."""
    desk.member()
    cards = {
        "no path leads to a CA": issuer_in(tmp_path / "other", "Other").card(),
        "it has expired": issuer_of.card(life=timedelta(days=-1)),
        "too weak": issuer_of.card(kind=KeyKind.RSA1024),
    }
    for sentence, card in cards.items():
        told = desk.run("card", "bind", "taro", "--certificate", written(desk, "card.pem", pem(card)))
        assert (told.code, sentence in told.err) == (1, True), told
    told = desk.run("card", "bind", "taro", "--certificate", written(desk, "card.pem", b"garbage"))
    assert (told.code, "no certificate" in told.err) == (1, True)
    told = desk.run("card", "bind", "nobody", "--certificate", written(desk, "card.pem", pem(issuer_of.card())))
    assert (told.code, "no such account" in told.err) == (1, True)
    assert desk.run("card", "bind", "taro").code == 1
    assert desk.run("card", "list").out == "There is no such card.\n"


def test_cards_come_by_the_file_with_a_line_for_each_bad_row(desk: Shell, issuer_of: Issuer, tmp_path: Path) -> None:
    """A file beside it, PEM and base64 are read; a dry run writes nothing; bad rows stop all, or are left out."""
    for name in ("taro", "hanako", "jiro"):
        desk.member(name)
    first, second, third = (issuer_of.card(name) for name in ("taro", "hanako", "jiro"))
    written(desk, "taro.crt", first.der)
    foreign = issuer_in(tmp_path / "other", "Other").card()
    rows = [
        "account,certificate",
        "taro,taro.crt",
        f'hanako,"{pem(second).decode()}"',
        f"jiro,{base64.b64encode(third.der).decode()}",
        "taro,taro.crt",
        "nobody,taro2.crt",
        f'taro,"{pem(foreign).decode()}"',
        f'ghost,"{pem(issuer_of.card("ghost")).decode()}"',
        "taro,",
    ]
    file = written(desk, "cards.csv", "\n".join(rows).encode())
    dry = desk.run("card", "import", file, "--dry-run")
    assert dry.code == 1
    assert "3 cards can be written, 5 bad rows; nothing was written (dry run)." in dry.out
    for sentence in (
        "the same card stands in line",
        "can't be read",
        "no path leads",
        "no such account",
        "no certificate",
    ):
        assert sentence in dry.err
    assert desk.run("card", "import", file).code == 1
    assert desk.run("card", "list", "--json").json == []
    kept = desk.run("card", "import", file, "--keep-going")
    assert "3 cards written, 5 bad rows." in kept.out
    assert [one["account"] for one in desk.run("card", "list", "--json").json] == ["taro", "hanako", "jiro"]
    again = desk.run("card", "import", file, "--dry-run", "--json").json
    assert again["good"] == 0
    assert sum("bound already" in bad["reason"] for bad in again["bad"]) == 3


def test_a_number_is_bound_and_forgotten(desk: Shell) -> None:
    """Only its digest is kept; the command says when numbers name nobody yet."""
    desk.member()
    told = desk.run("card", "bind", "taro", "--uid", "04:a1:b2:c3")
    assert (told.code, "TEGATA_UID_CARDS" in told.out) == (0, True)
    again = desk.run("card", "bind", "taro", "--uid", "04A1B2C3")
    assert (again.code, "bound already" in again.err) == (1, True)
    assert "4 bytes" in told.err
    assert "not unique" in told.err
    assert desk.run("card", "bind", "taro", "--uid", "08A1B2C3").code == 1

    async def rows() -> str:
        async with opened(load()):
            return str([dict(one) for one in await UidCard.all()])

    assert "04A1B2C3" not in asyncio.run(rows())
    assert "1 card forgotten" in desk.run("card", "forget-uids", "taro").out


def test_numbers_come_by_the_file_with_a_line_for_each_bad_row(desk: Shell, issuer_of: Issuer) -> None:
    """Beside certificates or alone; a dry run writes nothing; numbers that name nobody are told by their line."""
    for name in ("taro", "hanako", "jiro"):
        desk.member(name)
    assert desk.run("card", "bind", "jiro", "--uid", "0114A1B2C3D4E5F6").code == 0
    rows = [
        "account,uid,certificate",
        "taro,04:A1:B2:C3:D4:E5:F6,",
        "hanako,5C3A9911,",
        f'jiro,,"{pem(issuer_of.card()).decode()}"',
        "taro,04a1b2c3d4e5f6,",
        "taro,01FE5A5B5C5D5E5F,",
        "taro,00000000,",
        "taro,4.10E+08,",
        "nobody,04A1B2C3D4E5F7,",
        "taro,0114A1B2C3D4E5F6,",
        f'taro,04A1B2C3D4E5F8,"{pem(issuer_of.card()).decode()}"',
        "taro,,",
    ]
    file = written(desk, "cards.csv", "\n".join(rows).encode())
    dry = desk.run("card", "import", file, "--dry-run")
    assert "3 cards can be written, 8 bad rows; nothing was written (dry run)." in dry.out
    for sentence in (
        "the same card stands in line 2",
        "changes each time",
        "no number",
        "bytes",
        "no such account",
        "bound already",
        "not both",
        "no uid",
    ):
        assert sentence in dry.err
    assert "1 number of the file has 4 bytes" in dry.err
    assert "3 cards written, 8 bad rows." in desk.run("card", "import", file, "--keep-going").out
    again = desk.run("card", "import", file, "--dry-run", "--json").json
    assert again["good"] == 0
    assert sum("bound already" in bad["reason"] for bad in again["bad"]) == 4
    only = written(desk, "numbers.csv", b"account,uid\nhanako,04A1B2C3D4E5F9\n")
    assert "1 card written, 0 bad rows." in desk.run("card", "import", only).out
    missing = desk.run("card", "import", written(desk, "none.csv", b"account\nhanako\n"))
    assert "a column certificate or uid is needed" in missing.err

    async def rows_of() -> str:
        async with opened(load()):
            return str([dict(one) for one in await UidCard.all()])

    assert "04A1B2C3D4E5F6" not in asyncio.run(rows_of())


def cards_of(shell: Shell) -> list[tuple[str, str]]:
    """Tell what the doctor says of the cards."""
    return [(one["grade"], one["what"]) for one in shell.run("doctor", "--json").json if one["about"] == "cards"]


def test_the_doctor_looks_at_the_cas_and_their_lists(desk_on_sqlite: Shell, tmp_path: Path) -> None:
    """Silent without cards; then CAs that can't be read, lists that are missing, old, or somebody else's."""
    desk = desk_on_sqlite
    assert cards_of(desk) == []
    issuer = issuer_in(desk.folder / "issuer")
    desk.set(**issuer.settings)
    grades = [grade for grade, _ in cards_of(desk)]
    assert grades == ["warn", "ok"]
    issuer.revoke()
    desk.set(card_crls=issuer.crl)
    (grade, what), pinned = cards_of(desk)
    assert (grade, pinned) == ("ok", ("ok", "1 CA pinned"))
    assert f"{issuer.crl}: list of CN=Test Cards, without a number, next update 20" in what
    assert "0 revoked certificates" in what
    issuer.revoke(until=timedelta(days=-2))
    assert "is too old" in cards_of(desk)[0][1]
    desk.set(card_revocation="current")
    assert cards_of(desk)[0][0] == "wrong"
    issuer.revoke(by=issuer_in(tmp_path / "other").authority.intermediate)
    assert cards_of(desk)[0][0] == "wrong"
    assert "none of the CAs has signed" in cards_of(desk)[0][1]
    issuer.crl.unlink()
    assert "can't be read" in cards_of(desk)[0][1]


def test_the_doctor_shows_each_list_of_a_file_and_what_else_stands_in_it(desk_on_sqlite: Shell) -> None:
    """CA, number, next update and entries of every list; a block that is not read there is wrong."""
    desk = desk_on_sqlite
    issuer = issuer_in(desk.folder / "issuer")
    lists = crl(issuer.authority.root, extensions=[(x509.CRLNumber(12), False)])
    lists += crl(issuer.authority.intermediate, issuer.card(), extensions=[(x509.CRLNumber(345), False)])
    issuer.crl.write_bytes(lists + pem(issuer.authority.root))
    desk.set(**issuer.settings, card_crls=issuer.crl, card_revocation="current")
    found = cards_of(desk)
    assert [grade for grade, _ in found] == ["wrong", "ok", "ok", "ok"]
    assert "block CERTIFICATE" in found[0][1]
    for place, (name, number, entries) in enumerate((("Root", 12, "0 revoked"), ("Cards", 345, "1 revoked")), 1):
        for words in (f"list of CN=Test {name}", f"number {number}", "next update 20", entries):
            assert words in found[place][1]


def test_the_doctor_names_the_ca_whose_cards_no_list_covers(desk_on_sqlite: Shell) -> None:
    """With `current`: a CA without a list, and one whose list is for a part of its cards."""
    desk = desk_on_sqlite
    issuer = issuer_in(desk.folder / "issuer")
    issuer.crl.write_bytes(crl(issuer.authority.intermediate, extensions=[point(full_name=[SHARD])]))
    desk.set(**issuer.settings, card_crls=issuer.crl, card_revocation="current")
    told = {what: grade for grade, what in cards_of(desk)}
    assert told["no list of CN=Test Root is in force, so none of its cards is taken"] == "wrong"
    assert told["the lists of CN=Test Cards are for a part of its cards; the others are not taken"] == "warn"


def test_a_delta_without_its_complete_list_is_wrong(desk_on_sqlite: Shell) -> None:
    """The doctor says which list is missing."""
    desk = desk_on_sqlite
    issuer = issuer_in(desk.folder / "issuer")
    issuer.crl.write_bytes(delta_of(issuer, base=5))
    desk.set(**issuer.settings, card_crls=issuer.crl)
    assert any(
        grade == "wrong" and "only adds to list 5 of CN=Test Cards, which is missing" in what
        for grade, what in cards_of(desk)
    )


def test_a_certificate_that_cant_be_read_is_told_by_the_part(desk: Shell, issuer_of: Issuer) -> None:
    """`bind` says what could not be read; a file of several certificates is refused, for the first may be a CA's."""
    desk.member()
    for odd, content in odd_certificates(issuer_of).items():
        told = desk.run("card", "bind", "taro", "--certificate", written(desk, "card.crt", content))
        assert (told.code, "can't be read" in told.err) == (1, True), odd
    chain = pem(issuer_of.authority.intermediate) + pem(issuer_of.card())
    told = desk.run("card", "bind", "taro", "--certificate", written(desk, "card.pem", chain))
    assert (told.code, "there are 2 certificates" in told.err) == (1, True)
    assert desk.run("card", "list").out == "There is no such card.\n"


def test_the_doctor_tells_when_a_ca_ends(desk_on_sqlite: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two months before, and from then on."""
    desk = desk_on_sqlite
    desk.set(**issuer_in(desk.folder / "issuer").settings)
    end = datetime.now(UTC) + timedelta(days=3650)
    monkeypatch.setattr("cli.runtime.now", lambda: end - timedelta(days=30))
    assert {grade for grade, what in cards_of(desk) if "expires on" in what} == {"warn"}
    monkeypatch.setattr("cli.runtime.now", lambda: end + timedelta(days=30))
    assert {grade for grade, what in cards_of(desk) if "expired on" in what} == {"wrong"}
