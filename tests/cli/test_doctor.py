"""The doctor checks that settings are true, not only that they can be read; its advice works."""

import asyncio
import http.server
import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from cli.doctor import command
from hub.security import keyring
from models.database import BadDatabaseUrlError, configuration
from tests.support.cli import Shell, fetch
from tests.support.databases import execute
from tests.support.factory import START
from tests.support.ports import free_port


def found(shell: Shell, about: str) -> dict[str, str]:
    """What the doctor says about one thing, with its exit code."""
    told = shell.run("doctor", "--json")
    one: dict[str, str] = next(one for one in told.json if one["about"] == about)
    return {**one, "code": str(told.code)}


@contextmanager
def stranger(body: bytes, status: int = 200) -> Iterator[str]:
    """Run another program's web server; gives its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_more: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", free_port()), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_restored_database_without_its_keys_is_wrong(desk_on_sqlite: Shell) -> None:
    """The doctor names the missing key, readiness fails; with the right ring both are content."""
    desk = desk_on_sqlite
    desk.member("taro")
    assert desk.run("matrix", "issue", "taro").code == 0
    file = desk.folder / "keys.json"
    kept = file.read_bytes()
    missing = json.loads(kept)["keys"][0]["id"]
    file.unlink()
    keyring.create(file, now=START)
    told = desk.run("doctor")
    assert told.code == 1
    assert f"the key {missing} that sealed these rows is missing from the key ring" in told.out
    ready = f"http://{desk.variables['TEGATA_METRICS_LISTEN']}/health"
    with desk.served("serve", ready=f"{ready}/live"):
        status, text = fetch(f"{ready}/ready")
        assert (status, json.loads(text)["parts"]["keys"]["status"]) == (503, "failed")
    file.write_bytes(kept)
    assert desk.run("doctor").code == 0


def test_an_origin_that_nothing_is_known_of_is_wrong(desk_on_sqlite: Shell) -> None:
    """A typo in the origin sends members' links to a name that does not exist, or to its owner."""
    desk_on_sqlite.set(origin="http://portal.exmaple.invalid")
    one = found(desk_on_sqlite, "origin")
    assert (one["grade"], one["code"]) == ("wrong", "1")
    assert one["what"] == "no address is known for portal.exmaple.invalid"


@pytest.mark.parametrize(
    ("body", "status", "grade"),
    [
        (b'{"status": "ok", "hub": "0123456789abcdef"}', 200, "wrong"),
        (b"<h1>Another site</h1>", 200, "wrong"),
        (b"", 302, "wrong"),
        (b"", 403, "warn"),
        (b"[1]", 200, "wrong"),
    ],
)
def test_an_origin_of_somebody_elses_is_wrong(desk_on_sqlite: Shell, body: bytes, status: int, grade: str) -> None:
    """What answers there is compared with this hub's id; a proxy that hides the page leaves it open."""
    with stranger(body, status) as place:
        desk_on_sqlite.set(origin=f"http://{place}")
        assert found(desk_on_sqlite, "origin")["grade"] == grade


def test_the_origin_and_the_port_of_a_running_hub_are_found_well(desk_on_sqlite: Shell) -> None:
    """The hub that answers has this hub's id; a port that another program has is told."""
    desk = desk_on_sqlite
    assert "is free" in found(desk, "listen")["what"]
    assert found(desk, "origin")["grade"] == "warn"
    with desk.served("serve", ready=f"http://{desk.variables['TEGATA_METRICS_LISTEN']}/health/live"):
        assert found(desk, "origin")["grade"] == "ok"
        assert found(desk, "listen")["what"].endswith("this hub is running")
    with stranger(b"hello") as place:
        desk.set(listen=place)
        one = found(desk, "listen")
        assert (one["grade"], one["what"].endswith("is taken by another program")) == ("warn", True)


def test_a_mail_server_that_does_not_answer_is_wrong_in_production(desk_on_sqlite: Shell) -> None:
    """No code would leave; in a demo, whose inbox runs with it, it is a warning."""
    desk_on_sqlite.set(mode="production")
    one = found(desk_on_sqlite, "mail")
    assert (one["grade"], one["code"]) == ("wrong", "1")
    desk_on_sqlite.set(mode="demo")
    assert found(desk_on_sqlite, "mail")["grade"] == "warn"


@pytest.mark.parametrize(
    ("trouble", "advice"),
    [
        ("STARTTLS failed: certificate has expired", "certificate"),
        ("the login (AUTH) failed: 535 5.7.8 no", "the user and the password"),
        ("Connection refused", "start it"),
    ],
)
def test_the_advice_for_a_mail_server_is_for_its_trouble(trouble: str, advice: str) -> None:
    """A server that answers and refuses us need not be started."""
    assert advice in command.mending_of(trouble)


def test_two_listeners_on_one_port_are_wrong_and_do_not_start(desk_on_sqlite: Shell) -> None:
    """The doctor and the start name both settings and the port; the start ends with the code of a refusal."""
    desk = desk_on_sqlite
    place = f"127.0.0.1:{free_port()}"
    desk.set(listen=place, metrics_listen=place)
    sentence = f"TEGATA_LISTEN is {place}, and TEGATA_METRICS_LISTEN is {place}, the same port"
    told = found(desk, "listen")
    assert (told["grade"], told["what"], told["code"]) == ("wrong", sentence, "1")
    refused = desk.run("serve")
    assert refused.code == 1
    assert f"{sentence}: give one of them another port." in refused.err


def test_events_of_a_time_to_come_are_told(desk_on_sqlite: Shell) -> None:
    """They were written while the clock ran ahead."""
    desk = desk_on_sqlite
    desk.member("taro")
    assert desk.run("doctor").code == 0
    with sqlite3.connect(desk.folder / "tegata.db") as rows:
        rows.execute('UPDATE "event" SET "at" = "at" + 86400000000')
    told = [one for one in desk.run("doctor", "--json").json if one["about"] == "clock"]
    assert "of a time that has not come yet" in told[0]["what"]


@pytest.mark.parametrize(("mode", "advised"), [(0o644, "600"), (0o664, "600"), (0o666, "600")])
def test_the_advice_for_the_settings_file_works(desk_on_sqlite: Shell, mode: int, advised: str) -> None:
    """Carried out as written, it contents the doctor."""
    desk = desk_on_sqlite
    desk.set(mode="production", origin="https://portal.example.ac.jp", trusted_proxies="127.0.0.1", smtp_url="")
    file = desk.folder / "tegata.toml"
    file.write_text('smtp_url = "smtps://tegata:secret@127.0.0.1:1"\n', encoding="utf-8")
    desk.set(config=str(file))
    file.chmod(mode)
    advice = next(one["mend"] for one in desk.run("doctor", "--json").json if str(file) in one["what"])
    assert advice == f"run `chmod {advised} {file}`"
    file.chmod(int(advised, 8))
    assert not [one for one in desk.run("doctor", "--json").json if str(file) in one["what"]]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file to another group")
def test_a_settings_file_that_the_hubs_group_reads_is_well(desk_on_sqlite: Shell) -> None:
    """Owned by root and readable by the group of the hub, as the documentation says; advice never takes that away."""
    desk = desk_on_sqlite
    desk.set(mode="production", origin="https://portal.example.ac.jp", trusted_proxies="127.0.0.1", smtp_url="")
    file = desk.folder / "tegata.toml"
    file.write_text('smtp_url = "smtps://tegata:secret@127.0.0.1:1"\n', encoding="utf-8")
    desk.set(config=str(file))
    os.chown(file, 0, 65534)
    file.chmod(0o640)
    assert not [one for one in desk.run("doctor", "--json").json if str(file) in one["what"]]
    file.chmod(0o644)
    advice = next(one["mend"] for one in desk.run("doctor", "--json").json if str(file) in one["what"])
    assert advice == f"run `chmod 640 {file}`"


def test_an_empty_list_of_proxies_is_wrong_in_production(desk_on_sqlite: Shell) -> None:
    """The hub does not start with it; the cure is said."""
    desk_on_sqlite.set(mode="production", origin="https://portal.example.ac.jp")
    told = [one for one in desk_on_sqlite.run("doctor", "--json").json if "TEGATA_TRUSTED_PROXIES" in one["what"]]
    assert [one["grade"] for one in told] == ["wrong"]
    assert "TEGATA_NO_PROXY=true" in told[0]["mend"]


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_a_proxy_that_the_settings_do_not_name_is_wrong(desk_on_sqlite: Shell, header: str) -> None:
    """The running hub logs it once, its readiness is degraded, and the doctor says which address to name."""
    desk = desk_on_sqlite
    base = f"http://{desk.variables['TEGATA_LISTEN']}"
    with desk.served("serve", "web", ready=f"{base}/health/live") as process:
        assert "proxy" not in json.loads(fetch(f"{base}/health/ready")[1])["parts"]
        for _ in range(3):
            urlopen(Request(f"{base}/health/live", headers={header: "for=203.0.113.7"}), timeout=10).close()
        told = json.loads(fetch(f"{base}/health/ready")[1])
        assert (told["status"], told["parts"]["proxy"]["status"]) == ("degraded", "degraded")
        assert found(desk, "proxy")["grade"] == "wrong"
        process.terminate()
        _, log = process.communicate(timeout=20)
    assert log.count("web.undeclared_proxy") == 1
    assert "127.0.0.1" in next(line for line in log.splitlines() if "web.undeclared_proxy" in line)


@pytest.mark.parametrize("password", ["p@ss", "pa/ss", "pa:ss", "pa#ss", "p@:/ss", "pa?s@s"])
def test_a_database_url_that_can_be_read_in_two_ways_is_refused(password: str) -> None:
    """The hub must not connect to a host that is part of a password; the cure is said."""
    with pytest.raises(BadDatabaseUrlError, match="percent-encoded"):
        configuration(f"postgres://tegata:{password}@db.example.org:5432/tegata")


@pytest.mark.parametrize(
    ("url", "host", "password"),
    [
        ("postgres://tegata:p%40ss%2F%3A@db.example.org:5432/tegata", "db.example.org", "p@ss/:"),
        ("postgresql://tegata@db.example.org/tegata", "db.example.org", None),
        ("postgres://tegata:secret@[::1]:5432/tegata", "::1", "secret"),
    ],
)
def test_a_database_url_that_is_plain_is_taken(url: str, host: str, password: str | None) -> None:
    """Percent-encoded signs are the password's own."""
    (connection,) = configuration(url)["connections"].values()
    assert (connection["credentials"]["host"], connection["credentials"]["password"]) == (host, password)


def test_another_projects_package_of_the_same_name_is_found_out(
    desk_on_sqlite: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as web.py: its `web` would run in place of the door. Neither doctor nor serve goes on."""
    package = tmp_path / "elsewhere" / "web"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""Another project\'s."""\n', encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    told = desk_on_sqlite.really("serve")
    assert told.code == 1
    assert f"the package web is another project's: {package}/__init__.py" in told.err
    assert desk_on_sqlite.really("doctor").code == 1


def test_the_rows_of_an_sqlite_file_move_to_postgresql(
    desk_on_sqlite: Shell, postgres: str, sqlite_template: Path
) -> None:
    """Accounts, cards and the audit are there afterwards, new rows get new ids; a target with rows is refused."""
    desk = desk_on_sqlite
    for name in ("taro", "hanako"):
        desk.member(name)
        assert desk.run("matrix", "issue", name).code == 0
        assert desk.run("contact", "add", name, "home", f"{name}@example.org").code == 0
    file = desk.folder / "tegata.db"
    assert "use the engine's own tools" in desk.run("database", "copy-from", file).err
    assert "there is no such file" in desk.run("database", "copy-from", "nowhere.db").err
    asyncio.run(execute(postgres.format("postgres"), 'CREATE DATABASE "moved" TEMPLATE template'))
    desk.set(database_url=postgres.format("moved"))
    try:
        told = desk.run("database", "copy-from", file)
        assert told.code == 0, told.err
        assert "account: 2 rows" in told.out
        assert desk.run("audit", "verify").code == 0
        assert desk.run("contact", "list", "taro", "--json").json[0]["address"] == "taro@example.org"
        desk.member("jiro")
        assert desk.run("account", "show", "jiro").code == 0
        assert "the target is not empty" in desk.run("database", "copy-from", file).err
    finally:
        asyncio.run(execute(postgres.format("postgres"), 'DROP DATABASE "moved" WITH (FORCE)'))


def test_the_audit_is_listed_by_kind_and_a_contact_with_its_number(desk_on_sqlite: Shell) -> None:
    """What the audit calls contact=1 is found in the list of contacts."""
    desk = desk_on_sqlite
    desk.member("taro")
    assert desk.run("contact", "add", "taro", "home", "taro@example.org").code == 0
    assert desk.run("contact", "list", "taro").out == "1  home  taro@example.org  confirmed\n"
    kinds = {one["kind"] for one in desk.run("audit", "list", "--kind", "account-added", "--json").json}
    assert kinds == {"account-added"}
    assert desk.run("audit", "list", "--kind", "nonsense").code == 2
