"""Accounts and cards in bulk: every bad row has its line, and nothing is written by halves."""

import sqlite3
import threading
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from hub.authenticators import matrix
from tests.support.cli import Shell
from tests.support.factory import PASSWORD

HASH = PasswordHasher(memory_cost=8, time_cost=1, parallelism=1).hash(PASSWORD)


def cells(sign: str = "AB") -> str:
    """The 70 cells of a card, all alike."""
    return " ".join([sign] * 70)


def written(shell: Shell, *lines: str, encoding: str = "utf-8", end: str = "\n") -> Path:
    """Write a file of lines."""
    file = shell.folder / "file.csv"
    file.write_bytes((end.join(lines) + end).encode(encoding))
    return file


def names(shell: Shell) -> list[str]:
    """Name the accounts there are."""
    return [one["account"] for one in shell.run("account", "list", "--limit", "5000", "--json").json]


def test_accounts_come_with_passwords_or_with_hashes(desk: Shell) -> None:
    """Both can log in; the file may have a BOM, Windows' line ends, quotes and spaces around names."""
    file = written(
        desk,
        "account , password,password_hash,language",
        f"taro,{PASSWORD},,ja",
        f'"hanako",,"{HASH}",',
        encoding="utf-8-sig",
        end="\r\n",
    )
    told = desk.run("account", "import", file)
    assert (told.code, told.out) == (0, "2 accounts written, 0 bad rows.\n")
    assert names(desk) == ["hanako", "taro"]
    assert desk.run("account", "show", "taro", "--json").json["language"] == "ja"
    last = desk.run("audit", "list", "--json").json[-1]
    assert last["detail"].get("imported") == 2


@pytest.mark.parametrize(
    ("cost", "bound"),
    [
        ("m=8,t=4000,p=1", "t=4000, at most 32"),
        ("m=268435456,t=1,p=1", "m=268435456, at most 262144 (KiB)"),
        ("m=262144,t=32,p=1", "m times t is 8388608, at most 1048576"),
        ("m=1024,t=1,p=128", "p=128, at most 16"),
    ],
)
def test_a_hash_that_asks_for_too_much_work_is_refused(desk_on_sqlite: Shell, cost: str, bound: str) -> None:
    """Whatever stands in a file of another system's, no try of a password may take seconds."""
    head, version, _, *rest = HASH.lstrip("$").split("$")
    file = written(desk_on_sqlite, "account,password_hash", f'taro,"${"$".join([head, version, cost, *rest])}"')
    told = desk_on_sqlite.run("account", "import", "--dry-run", file)
    assert told.code == 1
    assert f"file.csv:2: taro: the password_hash asks for too much: {bound}." in told.err


@pytest.mark.parametrize("tail", ["$c2FsdA$dGFndGFndGFn", "$c2FsdHNhbHQ", "$c2FsdHNhbHQ$", "$c2FsdHNhbHQ$!!!!!!!!"])
def test_a_hash_that_can_not_be_verified_is_refused(desk_on_sqlite: Shell, tail: str) -> None:
    """Its member could never log in, and a wrong password would be answered sooner than for others."""
    file = written(desk_on_sqlite, "account,password_hash", f'taro,"$argon2id$v=19$m=8,t=1,p=1{tail}"')
    told = desk_on_sqlite.run("account", "import", "--dry-run", file)
    assert told.code == 1
    assert "file.csv:2: taro: the password_hash" in told.err


def test_hashes_of_at_most_four_costs_are_imported(desk_on_sqlite: Shell) -> None:
    """Each wrong password is verified at every cost that is stored; the fifth is refused with its line."""
    head, version, _, *rest = HASH.lstrip("$").split("$")
    hashes = ["$" + "$".join([head, version, f"m=8,t={passes},p=1", *rest]) for passes in range(1, 6)]
    file = written(desk_on_sqlite, "account,password_hash", *(f'm{n},"{one}"' for n, one in enumerate(hashes)))
    told = desk_on_sqlite.run("account", "import", "--dry-run", file)
    assert "file.csv:6: m4: the password_hash has m=8,t=5,p=1, but at most 4 different parameters" in told.err
    assert "4 accounts can be written, 1 bad row" in told.out


def test_an_accounts_history_begins_with_its_import(desk: Shell) -> None:
    """Whoever asks for one account's events is told when it came, of that one alone, and the audit holds."""
    file = written(desk, "account,password_hash", f'taro,"{HASH}"', f'Hanako,"{HASH}"')
    assert desk.run("account", "import", file).code == 0
    (event,) = desk.run("audit", "list", "--account", "hanako", "--json").json
    assert (event["kind"], event["account"], event["detail"]["by"]) == ("account-added", "Hanako", "import")
    assert desk.run("audit", "verify").code == 0


def test_a_password_keeps_its_quotes_commas_and_spaces(desk_on_sqlite: Shell) -> None:
    """What was given is what logs in: nothing around a password is trimmed away."""
    file = written(desk_on_sqlite, "account,password", 'taro," a ""quoted"", one "')
    assert desk_on_sqlite.run("account", "import", file).code == 0
    with sqlite3.connect(desk_on_sqlite.folder / "tegata.db") as rows:
        ((hashed,),) = rows.execute("SELECT password_hash FROM account")
    assert PasswordHasher().verify(hashed, ' a "quoted", one ')


def test_every_bad_row_is_told_with_its_line_and_nothing_is_written(desk: Shell) -> None:
    """The line is the file's, also after a quoted line's end; the good rows wait for a good file."""
    file = written(
        desk,
        "account,password,language",
        "taro,correct horse,ja",
        '"two\nlines",correct horse,ja',
        "short,abc,ja",
        "TARO,correct horse,ja",
        "jiro,correct horse,fr",
        ",correct horse,ja",
        "saburo,,ja",
        "shiro,correct horse,ja,more",
    )
    told = desk.run("account", "import", file)
    assert told.code == 1
    said = [line.removeprefix(f"{file}:") for line in told.err.splitlines()]
    assert said == [
        "4: 'two\\nlines': an account's name has 1 to 64 letters, digits and . _ @ + -, and begins with one.",
        "5: short: a password has 8 to 256 characters.",
        "6: TARO: the same account stands in line 2.",
        "7: jiro: the language 'fr' is neither ja nor en.",
        "8: '': an account's name has 1 to 64 letters, digits and . _ @ + -, and begins with one.",
        "9: saburo: either a password or a password_hash is needed.",
        "10: there are more fields than columns.",
        "7 bad rows, so nothing was written; --keep-going writes the good ones.",
    ]
    assert names(desk) == []
    assert desk.run("account", "import", file, "--keep-going").code == 1
    assert names(desk) == ["taro"]
    again = desk.run("account", "import", file, "--keep-going", "--json")
    assert again.json["written"] == 0
    assert again.json["bad"][0] == {"line": 2, "reason": "taro: there is an account of this name."}


def test_a_dry_run_writes_nothing(desk_on_sqlite: Shell) -> None:
    """It says what would be written."""
    file = written(desk_on_sqlite, "account,password", "taro,correct horse")
    told = desk_on_sqlite.run("account", "import", file, "--dry-run")
    assert (told.code, told.out) == (0, "1 account can be written, 0 bad rows; nothing was written (dry run).\n")
    assert names(desk_on_sqlite) == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("account,password\n太郎,correct horse\n".encode("shift_jis"), "this is not UTF-8 (at byte 17)"),
        (b"", "the file is empty"),
        (
            b"account,pasword\n",
            "a column 'pasword' has no meaning here; there are account, language, password, password_hash.",
        ),
        (b"password\n", "the column account is missing"),
        (b"account,language\n", "a column password or password_hash is needed"),
        (b"account,account,password\n", "the column 'account' stands there twice"),
        (b'account,password\n"taro,correct horse\n', "this is no CSV"),
        (b"PK\x03\x04\x14\x00\x06\x00", "this is a workbook, not a CSV file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "this is a workbook, not a CSV file"),
    ],
    ids=["shift-jis", "empty", "unknown", "missing", "no-password", "twice", "open-quote", "xlsx", "xls"],
)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(
    desk_on_sqlite: Shell, content: bytes, sentence: str
) -> None:
    """Whatever program wrote it."""
    file = desk_on_sqlite.folder / "file.csv"
    file.write_bytes(content)
    told = desk_on_sqlite.run("account", "import", file)
    assert told.code == 1
    assert sentence in told.err
    assert len(told.err.splitlines()) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"account,password,\ntaro,correct horse,\n,,\n\n",
        b"account;password\r\ntaro;correct horse\r\n",
        b"account\tpassword\ntaro\tcorrect horse\n",
        "account\tpassword\r\ntaro\tcorrect horse\r\n".encode("utf-16"),
        "\ufeffaccount,password\ntaro,correct horse\n".encode("utf-16-be"),
        "account,password\ntaro,correct horse\n".encode("utf-16-le"),
        b"Account, PASSWORD \ntaro,correct horse\n",
        "ａｃｃｏｕｎｔ,Password\ntaro,correct horse\n".encode(),
        b";;\naccount;password;\n;;\ntaro;correct horse;\n",
        b"Language,Account,Password\nJA,taro,correct horse\n",
        b"account,password,language\ntaro,correct horse,ja-JP\n",
        b"account,password,language\ntaro,correct horse,en_US\n",
    ],
)
def test_a_file_as_spreadsheets_write_it_is_read(desk_on_sqlite: Shell, content: bytes) -> None:
    """Padding, separators, encodings, header forms and language codes mean what they mean elsewhere."""
    file = desk_on_sqlite.folder / "file.csv"
    file.write_bytes(content)
    told = desk_on_sqlite.run("account", "import", file)
    assert (told.code, told.out) == (0, "1 account written, 0 bad rows.\n"), told.err
    assert names(desk_on_sqlite) == ["taro"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'account,password\ntaro,"correct horse\njiro,correct horse\n', ":2: this is no CSV: a quote"),
        (b'account,password\njiro,correct horse\ntaro,"correct"horse\n', ":3: this is no CSV: after a closing quote"),
        (b"account,password\ntaro," + b"x" * 200_000 + b"\n", ":2: this is no CSV: a field is longer than"),
        (b"account,password\ntaro,correct horse,extra\n", ":2: there are more fields than columns."),
    ],
    ids=["open-quote", "text-after-quote", "long-field", "extra-value"],
)
def test_a_broken_row_is_named_by_its_own_line(desk_on_sqlite: Shell, content: bytes, sentence: str) -> None:
    """The line is the one to look at, with the cause in words."""
    file = desk_on_sqlite.folder / "file.csv"
    file.write_bytes(content)
    told = desk_on_sqlite.run("account", "import", file)
    assert told.code == 1
    assert sentence in told.err


def test_a_file_that_is_not_there_is_refused_in_a_sentence(desk_on_sqlite: Shell) -> None:
    """The same for a folder."""
    assert "No such file" in desk_on_sqlite.run("account", "import", "nowhere.csv").err
    assert "Is a directory" in desk_on_sqlite.run("account", "import", desk_on_sqlite.folder).err


@pytest.mark.parametrize(
    "hashed",
    ["$2b$12$abcdefghijklmnopqrstuv", HASH.replace("argon2id", "argon2i"), "x" * 300],
    # A salt is another one in each process.
    ids=["bcrypt", "argon2i", "too long"],
)
def test_only_argon2id_is_taken_for_a_hash(desk_on_sqlite: Shell, hashed: str) -> None:
    """Another one would let nobody in, ever."""
    file = written(desk_on_sqlite, "account,password_hash", f'taro,"{hashed}"')
    told = desk_on_sqlite.run("account", "import", file)
    assert told.code == 1
    assert "argon2" in told.err


def test_an_import_that_fails_in_the_middle_names_the_line_to_go_on_from(
    desk: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An account that another program added after the look stops its batch; --keep-going writes the rest."""
    file = written(desk, "account,password_hash", *(f'm{number},"{HASH}"' for number in range(1500)))
    desk.member("m1400")

    async def unknown(_names: object) -> set[str]:
        return set()

    with monkeypatch.context() as patch:
        patch.setattr("hub.accounts.bulk_import.known_accounts", unknown)
        told = desk.run("account", "import", file)
    assert told.code == 1
    assert told.err.startswith("Line 1402 and those after it were not written: another program wrote one of the rows")
    assert len(names(desk)) == 1401
    again = desk.run("account", "import", file, "--keep-going")
    assert "99 accounts written, 1401 bad rows." in again.out + again.err
    assert len(names(desk)) == 1500


def test_an_import_lets_logins_write_between_its_batches(desk_on_sqlite: Shell) -> None:
    """Another connection gets the write lock in the middle, and sees the rows come."""
    desk = desk_on_sqlite
    file = written(desk, "account,password_hash", *(f'm{number},"{HASH}"' for number in range(1500)))
    seen: set[int] = set()
    ended = threading.Event()

    def watch() -> None:
        other = sqlite3.connect(desk.folder / "tegata.db", timeout=5, isolation_level=None)
        while not ended.is_set():
            other.execute("BEGIN IMMEDIATE")
            seen.add(other.execute('SELECT count(*) FROM "account"').fetchone()[0])
            other.execute("COMMIT")
            ended.wait(0.005)
        other.close()

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        assert desk.run("account", "import", file).code == 0
    finally:
        ended.set()
        watching.join()
    assert seen & set(range(1, 1500)), seen


def test_cards_that_were_printed_already_are_bound(desk: Shell) -> None:
    """By one column or by seventy; an older card is revoked."""
    for name in ("taro", "hanako"):
        desk.member(name)
    assert desk.run("matrix", "issue", "taro").code == 0
    told = desk.run(
        "matrix", "import", written(desk, "account,serial,cells", f"taro,C-1,{cells()}", f"Hanako,C-2,{cells('ab')}")
    )
    assert (told.code, told.out) == (0, "2 cards written, 0 bad rows.\n")
    assert desk.run("account", "show", "taro", "--json").json["matrix_serial"] == "C-1"
    head = ",".join(cell.replace(",", "") for cell in matrix.CELLS)
    each = written(desk, f"account,serial,{head}", f"taro,C-3,{','.join(['XY'] * 70)}")
    assert desk.run("matrix", "import", each).code == 0
    assert desk.run("account", "show", "taro", "--json").json["matrix_serial"] == "C-3"
    issued = [one for one in desk.run("audit", "list", "--json").json if one["kind"] == "matrix-issued"]
    assert [(one["account"], one["detail"]["serial"]) for one in issued][1:] == [
        ("taro", "C-1"),
        ("hanako", "C-2"),
        ("taro", "C-3"),
    ]


@pytest.mark.parametrize(
    ("sign", "bits"),
    [("A", 14), ("1", 9), ("A1", None), ("AB", None), ("12", 19), ("123", None)],
)
def test_a_card_of_less_than_20_bits_is_refused_unless_a_setting_takes_it(
    desk_on_sqlite: Shell, sign: str, bits: int | None
) -> None:
    """With its line and the setting's name, in a dry run too."""
    desk = desk_on_sqlite
    desk.member("taro")
    file = written(desk, "account,serial,cells", f"taro,C-1,{cells(sign)}")
    for more in (["--dry-run"], []) if bits else (["--dry-run"],):
        told = desk.run("matrix", "import", *more, file)
        assert told.code == (1 if bits else 0)
        why = f"file.csv:2: taro: three cells of this card hold {bits} bits, and 20 are needed"
        assert (why in told.err and "TEGATA_MATRIX_WEAK_IMPORTS" in told.err) is bool(bits)
    if bits:
        desk.set(matrix_weak_imports="true")
        told = desk.run("matrix", "import", file)
        assert (told.code, told.out) == (0, "1 card written, 0 bad rows.\n")
        assert "less than 20 bits" in told.err
        (weak,) = (one for one in desk.run("doctor", "--json").json if one["about"] == "matrix")
        assert weak["what"] == "1 matrix card with less than 20 bits in three cells"


def test_every_bad_card_is_told_with_its_line(desk: Shell) -> None:
    """Wrong cells, nobody's card, a number that stands twice or is taken."""
    for name in ("taro", "hanako", "jiro"):
        desk.member(name)
    assert desk.run("matrix", "import", written(desk, "account,serial,cells", f"jiro,C-1,{cells()}")).code == 0
    file = written(
        desk,
        "account,serial,cells",
        f"taro,C-1,{cells()}",
        f"nobody,C-2,{cells()}",
        "hanako,C-3,AB CD",
        f"hanako,,{cells()}",
        f"jiro,C-4,{cells()}",
        f"JIRO,C-5,{cells()}",
        f"hanako,C-4,{cells()}",
    )
    told = desk.run("matrix", "import", file)
    assert told.code == 1
    said = [line.removeprefix(f"{file}:") for line in told.err.splitlines()]
    assert said == [
        "2: taro: there is a card of serial number C-1.",
        "3: nobody: there is no such account.",
        "4: hanako: a card has 70 cells of equally many letters or digits, 1 to 4.",
        "5: hanako: a serial number has 1 to 32 characters.",
        "7: the same account jiro stands in line 6.",
        "8: the same serial number C-4 stands in line 6.",
        "6 bad rows, so nothing was written; --keep-going writes the good ones.",
    ]
    assert desk.run("account", "show", "jiro", "--json").json["matrix_serial"] == "C-1"


@pytest.mark.parametrize("first", ["sep=;", "SEP=;\r"])
def test_the_line_that_names_the_separator_is_no_row(desk_on_sqlite: Shell, first: str) -> None:
    """Programs write it for Excel; the rows keep their numbers."""
    file = written(desk_on_sqlite, first, "account;password", f"taro;{PASSWORD}", "hanako;short")
    told = desk_on_sqlite.run("account", "import", file)
    assert told.code == 1
    assert f"{file}:4: hanako: a password has" in told.err
    assert desk_on_sqlite.run("account", "import", file, "--keep-going").out.startswith("1 account written")


def test_a_number_that_a_spreadsheet_rounded_is_no_name_and_no_serial_number(desk_on_sqlite: Shell) -> None:
    """The digits are lost; a name that only looks alike is taken."""
    file = written(desk_on_sqlite, "account,password", f"1.2E+11,{PASSWORD}", f"1e+05,{PASSWORD}", f"1e23,{PASSWORD}")
    told = desk_on_sqlite.run("account", "import", file, "--keep-going")
    assert told.err.count("a spreadsheet wrote this number in short form") == 2
    assert names(desk_on_sqlite) == ["1e23"]
    file = written(desk_on_sqlite, "account,serial,cells", f"1e23,1.23457E+12,{cells()}")
    told = desk_on_sqlite.run("matrix", "import", file)
    assert "'1.23457E+12': a spreadsheet wrote this number in short form" in told.err
