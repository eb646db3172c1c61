"""The operator's commands: what they do, what they refuse, and how they say it."""

import json
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from cli.main import app
from tests.support.cli import TEGATA, Shell
from tests.support.factory import PASSWORD

pytestmark = pytest.mark.slow


def every_command() -> list[tuple[str, ...]]:
    """Name each command, the groups' ones with their group."""
    alone = [(str(one.name or one.callback.__name__),) for one in app.registered_commands if one.callback]
    grouped = [
        (str(group.name), str(one.name or one.callback.__name__))
        for group in app.registered_groups
        if group.typer_instance
        for one in group.typer_instance.registered_commands
        if one.callback
    ]
    return alone + grouped


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_command_explains_itself(shell: Shell, words: tuple[str, ...]) -> None:
    """--help works in an empty folder, without any setting."""
    told = shell.run(*words, "--help")
    assert told.code == 0
    assert "Usage: " in told.out


@pytest.mark.parametrize(
    "words",
    [("bogus",), ("account", "show"), ("serve", "kiosk"), ("account", "add", "taro", "--language", "fr"), ("account",)],
    ids=" ".join,
)
def test_a_command_that_is_no_command_ends_with_two(desk_on_sqlite: Shell, words: tuple[str, ...]) -> None:
    """Exit code 2 is for words that are not understood."""
    assert desk_on_sqlite.run(*words).code == 2


def test_a_new_hub_is_led_from_one_command_to_the_next(shell: Shell) -> None:
    """From an empty folder each refusal names the next command to type, until the real program lists nobody."""
    url = f"sqlite:///{shell.folder}/data/tegata.db"
    shell.set(database_url=url, keys_file=shell.folder / "data" / "keys.json")
    refused = shell.really("migrate")
    assert (refused.code, refused.out) == (1, "")
    assert f"the folder {shell.folder}/data is not there" in refused.err
    assert "make it first" in shell.run("keys", "init").err
    (shell.folder / "data").mkdir()
    assert "`tegata keys init`" in shell.run("account", "list").err
    assert shell.run("keys", "init").code == 0
    assert "`tegata keys rotate`" in shell.run("keys", "init").err
    assert "`tegata migrate`" in shell.run("account", "list").err
    assert "0001_initial" in shell.run("migrate").out
    assert "up to date" in shell.run("migrate").out
    for name in ("tegata.db", "keys.json"):
        assert (shell.folder / "data" / name).stat().st_mode & 0o077 == 0
    told = shell.run("account", "list")
    assert (told.code, told.out) == (0, "There is no account yet.\n")


def test_a_database_that_does_not_answer_is_not_taken_for_an_old_one(desk_on_sqlite: Shell) -> None:
    """A server that is down, and a file that is no database, are named as such; no password is told."""
    desk_on_sqlite.set(database_url="postgres://tegata:geheim@127.0.0.1:1/tegata")
    refused = desk_on_sqlite.run("account", "list")
    assert refused.code == 1
    assert "Connect call failed" in refused.err
    assert "migrate" not in refused.err
    assert "geheim" not in refused.err
    broken = desk_on_sqlite.folder / "broken.db"
    broken.write_text("this is no database at all")
    desk_on_sqlite.set(database_url=f"sqlite:///{broken}")
    for words in (("account", "list"), ("migrate",)):
        refused = desk_on_sqlite.run(*words)
        assert refused.code == 1
        assert "file is not a database" in refused.err


def test_accounts_are_added_shown_listed_and_mended(desk: Shell) -> None:
    """The life of an account at the help desk, on both databases."""
    desk.member("Taro")
    desk.member("hanako")
    assert (
        "there is an account of this name" in desk.run("account", "add", "TARO", "--password-stdin", typed=PASSWORD).err
    )
    shown = desk.run("account", "show", "ｔａｒｏ", "--json").json
    assert shown["account"] == "Taro"
    assert shown["matrix_serial"] == ""
    assert [one["account"] for one in desk.run("account", "list", "--json").json] == ["hanako", "Taro"]
    assert [one["account"] for one in desk.run("account", "list", "TA", "--json").json] == ["Taro"]
    first = desk.run("account", "list", "--limit", "1")
    assert first.out == "hanako\n"
    assert "--after hanako" in first.err
    assert desk.run("account", "list", "--after", "hanako").out == "Taro\n"
    assert "0 open sessions ended" in desk.run("account", "disable", "taro").out
    assert "(disabled)" in desk.run("account", "show", "taro").out
    assert desk.run("account", "enable", "taro").code == 0
    assert desk.run("account", "unlock", "taro").code == 0
    assert desk.run("account", "password", "taro", "--password-stdin", typed="another password").code == 0
    kinds = [one["kind"] for one in desk.run("audit", "list", "--account", "taro", "--json").json]
    assert kinds == ["account-added", "account-disabled", "account-enabled", "kind-reopened", "password-set"]
    assert desk.run("audit", "verify").code == 0


@pytest.mark.parametrize("command", ["show", "disable", "enable", "unlock"])
def test_an_account_that_is_not_there_is_refused_in_a_sentence(desk_on_sqlite: Shell, command: str) -> None:
    """One line, exit code 1."""
    told = desk_on_sqlite.run("account", command, "nobody")
    assert (told.code, told.out, told.err) == (1, "", "nobody: there is no such account.\n")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (b"", "There is no password on standard input."),
        (b"\n", "There is no password on standard input."),
        (b"short\n", "taro: a password has 8 to 256 characters."),
        (b"long enough\0 but\n", "taro: a password has 8 to 256 characters."),
        ("パスワード八文字".encode("shift_jis"), "The password on standard input is not UTF-8."),
    ],
)
def test_a_password_that_cannot_be_one_is_refused(desk_on_sqlite: Shell, typed: bytes, sentence: str) -> None:
    """Whatever came on standard input, the answer is a sentence and no account."""
    told = desk_on_sqlite.run("account", "add", "taro", "--password-stdin", typed=typed)
    assert (told.code, told.err) == (1, sentence + "\n")
    assert desk_on_sqlite.run("account", "list", "--json").json == []


@pytest.mark.parametrize("words", [("account", "list"), ("account", "list", "--json"), ("settings",), ("--version",)])
def test_output_that_cannot_be_written_is_told(desk_on_sqlite: Shell, words: tuple[str, ...]) -> None:
    """A full disk behind `>` is a sentence and exit code 1, whether rich or plain text was on its way there."""
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            [TEGATA, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=desk_on_sqlite.folder
        )
    assert (told.returncode, told.stderr) == (1, "The output can't be written (No space left on device).\n")


def test_a_command_without_standard_output_still_does_its_work(desk_on_sqlite: Shell) -> None:
    """Started with it closed, as some schedulers do."""
    told = subprocess.run(
        ["sh", "-c", f"{TEGATA} account list >&-"],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        cwd=desk_on_sqlite.folder,
    )
    assert (told.returncode, told.stderr) == (0, "")


def test_a_password_is_never_an_argument(desk_on_sqlite: Shell) -> None:
    """Without --password-stdin and without a terminal there is none; other people see arguments."""
    told = desk_on_sqlite.run("account", "add", "taro")
    assert told.code == 1
    assert "--password-stdin" in told.err
    assert desk_on_sqlite.run("account", "add", "taro", PASSWORD).code == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("add", "TARO"), "TARO: there is an account of this name."),
        (("add", "ta ro"), "an account's name has 1 to 64 letters"),
        (("password", "nobody"), "nobody: there is no such account."),
        (("reset", "nobody", "--since", "2026-01-01"), "nobody: there is no such account."),
    ],
)
def test_no_password_is_asked_for_an_account_that_cannot_get_it(
    desk_on_sqlite: Shell, words: tuple[str, ...], sentence: str
) -> None:
    """At a terminal the refusal comes before the operator types a password twice."""
    desk_on_sqlite.member()
    master, terminal = pty.openpty()
    with os.fdopen(master), os.fdopen(terminal) as typed:
        told = subprocess.run(
            [TEGATA, "account", *words],
            stdin=typed,
            capture_output=True,
            text=True,
            check=False,
            cwd=desk_on_sqlite.folder,
            timeout=30,
        )
    assert told.returncode == 1
    assert sentence in told.stderr
    assert "Password" not in told.stderr


def test_contacts_are_added_listed_and_removed(desk: Shell) -> None:
    """On the operator's word an address counts at once; each refusal is a sentence."""
    desk.member()
    assert desk.run("contact", "add", "taro", "自宅", "taro@example.org").code == 0
    for label, address in (("自宅", "other@example.org"), ("携帯", "taro@EXAMPLE.org")):
        refused = desk.run("contact", "add", "taro", label, address)
        assert (refused.code, refused.err) == (1, "taro: this label or address is in the list already.\n")
    assert desk.run("contact", "add", "taro", "携帯", "taro@").code == 1
    (line,) = desk.run("contact", "list", "taro", "--json").json
    assert (line["label"], line["address"]) == ("自宅", "taro@example.org")
    assert line["confirmed_at"]
    assert desk.run("contact", "list", "taro").out == "1  自宅  taro@example.org  confirmed\n"
    assert "there is no contact" in desk.run("contact", "remove", "taro", "職場").err
    assert "is not closed to this account" in desk.run("contact", "allow", "taro", "x@example.org").err
    assert desk.run("contact", "remove", "taro", "自宅").code == 0
    assert desk.run("contact", "list", "taro", "--json").json == []


def test_a_card_is_issued_as_json_for_another_program(desk: Shell) -> None:
    """Standard output is a list of account, serial and 70 cells, and nothing else; the remark goes beside it."""
    desk.member("taro")
    desk.member("hanako")
    told = desk.run("matrix", "issue", "taro", "hanako", "TARO", "--format", "json")
    assert told.code == 0
    assert "2 cards were issued" in told.err
    taro, hanako = told.json
    assert set(taro) == {"account", "serial", "cells"}
    assert (taro["account"], hanako["account"]) == ("taro", "hanako")
    assert set(taro["cells"]) == {f"{column},{row}" for column in "ABCDEFGHIJ" for row in "1234567"}
    assert desk.run("account", "show", "taro", "--json").json["matrix_serial"] == taro["serial"]


def test_no_card_is_issued_when_one_account_is_wrong(desk_on_sqlite: Shell) -> None:
    """All or none: otherwise somebody's card stops working without a new one in hand."""
    desk_on_sqlite.member()
    assert desk_on_sqlite.run("matrix", "issue", "taro", "nobody").code == 1
    assert desk_on_sqlite.run("account", "show", "taro", "--json").json["matrix_serial"] == ""


def test_cards_are_never_written_over_a_file(desk_on_sqlite: Shell) -> None:
    """A file that stands is left alone, and no card is issued for it; a new one is readable by its owner only."""
    desk_on_sqlite.member()
    file = desk_on_sqlite.folder / "cards.txt"
    assert desk_on_sqlite.run("matrix", "issue", "taro", "--output", file).code == 0
    assert file.stat().st_mode & 0o077 == 0
    serial = desk_on_sqlite.run("account", "show", "taro", "--json").json["matrix_serial"]
    assert serial in file.read_text()
    refused = desk_on_sqlite.run("matrix", "issue", "taro", "--output", file)
    assert refused.code == 1
    assert "there is such a file already" in refused.err
    assert desk_on_sqlite.run("account", "show", "taro", "--json").json["matrix_serial"] == serial
    assert desk_on_sqlite.run("matrix", "issue", "taro", "--output", file / "under").code == 1


def test_a_card_is_printed_with_the_services_name_in_japanese(desk_on_sqlite: Shell) -> None:
    """A redirected PDF is one; it names a font that has the letters, and eleven cards take two pages."""
    names = [f"m{number}" for number in range(11)]
    for name in names:
        desk_on_sqlite.member(name)
    desk_on_sqlite.set(service_name="東都大学ポータル")
    file = desk_on_sqlite.folder / "cards.pdf"
    assert desk_on_sqlite.run("matrix", "issue", *names, "--format", "pdf", "--output", file).code == 0
    content = file.read_bytes()
    assert content.startswith(b"%PDF-")
    assert b"HeiseiKakuGo-W5" in content
    assert len(re.findall(rb"/Type /Page\b", content)) == 2


def test_an_address_of_ipv6_is_shown_as_it_is(desk_on_sqlite: Shell) -> None:
    """No part of it is read as an emoji's name."""
    from cli.console import out

    with out.capture() as said:
        out.print("2001:db8:a:b::1", markup=False)
    assert said.get() == "2001:db8:a:b::1\n"


def test_rotated_keys_seal_every_secret_and_open_the_older_ones(desk: Shell) -> None:
    """Cards issued before work on after; the audit is still whole; the hub's own look finds nothing wrong."""
    for name in ("taro", "hanako"):
        desk.member(name)
        assert desk.run("matrix", "issue", name).code == 0
    told = desk.run("keys", "rotate")
    assert told.code == 0
    assert "2 secrets sealed with it" in told.out
    assert len(json.loads((desk.folder / "keys.json").read_text())["keys"]) == 2
    assert desk.run("audit", "verify").code == 0
    assert "2 keys" in desk.run("doctor").out
    assert "2 secrets sealed" in desk.run("keys", "rotate").out


def test_the_doctor_names_each_trouble_and_the_way_to_mend_it(desk_on_sqlite: Shell) -> None:
    """Its list has about, grade, what and mend; exit code 1 only for what is wrong, not for a mail server asleep."""
    findings = {one["about"]: one for one in desk_on_sqlite.run("doctor", "--json").json}
    assert desk_on_sqlite.run("doctor").code == 0
    assert findings["mail"]["grade"] == "warn"
    assert findings["database"]["grade"] == "ok"
    assert "TEGATA_MODE is demo" in findings["mode"]["what"]
    desk_on_sqlite.set(mode="production")
    os.chmod(desk_on_sqlite.folder / "keys.json", 0o644)  # noqa: PTH101 - the shell's own word
    told = desk_on_sqlite.run("doctor")
    assert told.code == 1
    assert "passwords don't go over plain HTTP" in told.out
    assert f"run `chmod 600 {desk_on_sqlite.folder}/keys.json`" in told.out
    assert ".." not in told.out


def test_the_doctor_finds_an_audit_that_was_rewritten(desk_on_sqlite: Shell) -> None:
    """A row changed behind the hub's back is found by both commands."""
    import sqlite3

    desk_on_sqlite.member()
    with sqlite3.connect(desk_on_sqlite.folder / "tegata.db") as rows:
        rows.execute("UPDATE event SET address = '203.0.113.9'")
    told = desk_on_sqlite.run("audit", "verify", "--json")
    assert told.code == 1
    assert told.json["findings"][0]["what"] == "it was changed or added"
    assert "not as it was written" in desk_on_sqlite.run("doctor").out


def test_a_defect_of_ours_is_a_sentence_too(desk_on_sqlite: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody at a help desk reads a traceback."""

    async def broken(**_more: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("hub.accounts.accounts.listed", broken)
    told = desk_on_sqlite.run("account", "list")
    assert told.code == 1
    assert told.err == "This should not have happened (ZeroDivisionError); TEGATA_LOG_LEVEL=debug shows where.\n"


def test_a_reader_that_leaves_early_is_no_trouble(desk_on_sqlite: Shell, tmp_path: Path) -> None:
    """`tegata settings | head -1` says nothing on standard error."""
    ended = subprocess.run(
        "tegata settings --markdown | head -1",
        shell=True,
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "PATH": f"{Path(os.sys.executable).parent}:{os.environ['PATH']}"},
    )
    assert (ended.stdout, ended.stderr) == ("# Settings\n", "")


def test_what_a_restore_takes_back_can_be_listed(desk_on_sqlite: Shell) -> None:
    """What opens an account, from the back-up's time on; logins and wrong passwords are left out."""
    desk = desk_on_sqlite
    desk.member("taro")
    assert desk.run("account", "disable", "taro").code == 0
    listed = desk.run("audit", "list", "--changes", "--since", "2020-01-01 00:00:00", "--json").json
    assert [one["kind"] for one in listed] == ["account-added", "account-disabled"]
    assert desk.run("audit", "list", "--changes", "--since", "2120-01-01", "--json").json == []
