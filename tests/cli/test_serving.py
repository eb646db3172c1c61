"""Processes as an operator runs them: what they refuse to start with, what they answer, how they end."""

import json
import resource
import signal
import socket
import sqlite3
import urllib.request
from pathlib import Path

import pytest

from cli.server.startup_checks import UnsafeError, refuse_unsafe
from hub.settings import load
from tests.support.cli import Shell, fetch
from tests.support.ports import free_port

pytestmark = pytest.mark.slow

HTTPS = "https://portal.example.ac.jp"
LAST_LINE = "Ctrl-C ends the demo; its data is kept.\n"


def where(shell: Shell, setting: str) -> str:
    """The URL behind a setting like listen."""
    return f"http://{shell.variables[f'TEGATA_{setting.upper()}']}"


def reasons(shell: Shell, **more: str) -> list[str]:
    """List what production mode refuses to start with."""
    shell.set(mode="production", origin=HTTPS, trusted_proxies="127.0.0.1")
    shell.set(**more)
    try:
        refuse_unsafe(load(), ("web", "mail_gateway"))
    except UnsafeError as error:
        return str(error).splitlines()
    return []


def test_production_starts_when_all_is_well(desk_on_sqlite: Shell) -> None:
    """Otherwise the refusals below would say nothing."""
    assert reasons(desk_on_sqlite) == []


def test_production_refuses_plain_http(desk_on_sqlite: Shell) -> None:
    """Passwords would travel in clear; the real program ends with 1 and says how to mend it."""
    desk_on_sqlite.set(mode="production")
    told = desk_on_sqlite.really("serve")
    assert told.code == 1
    assert told.err.startswith("TEGATA_ORIGIN is http://")
    assert "put a TLS proxy in front and write https://" in told.err


def test_production_behind_tls_refuses_to_start_without_the_proxies(desk_on_sqlite: Shell) -> None:
    """All members would have the proxy's address; the cure names both settings."""
    (reason,) = reasons(desk_on_sqlite, trusted_proxies="")
    assert reason.startswith("TEGATA_TRUSTED_PROXIES is empty, so all members seem to come from the TLS proxy: name ")
    assert "TEGATA_NO_PROXY=true" in reason


def test_production_starts_without_proxies_when_a_setting_says_that_there_are_none(desk_on_sqlite: Shell) -> None:
    """Both settings at once contradict each other."""
    assert reasons(desk_on_sqlite, trusted_proxies="", no_proxy="true") == []
    (reason,) = reasons(desk_on_sqlite, trusted_proxies="127.0.0.1")
    assert reason.endswith(": set only one of them.")


def test_production_refuses_debug(desk_on_sqlite: Shell) -> None:
    """A log of everything tells too much."""
    (reason,) = reasons(desk_on_sqlite, log_level="debug")
    assert reason == "TEGATA_LOG_LEVEL is debug, which tells too much: set it to info."


@pytest.mark.parametrize(("name", "what"), [("keys.json", "the key ring"), ("tegata.db", "the database")])
@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620])
def test_production_refuses_a_file_that_others_can_open(desk_on_sqlite: Shell, name: str, what: str, mode: int) -> None:
    """It says which file, and the command that mends it."""
    file = desk_on_sqlite.folder / name
    file.chmod(mode)
    (reason,) = reasons(desk_on_sqlite)
    assert reason == f"{file}: {what} can be read by others than its owner: run `chmod 600 {file}`."


@pytest.mark.parametrize(
    ("line", "is_refused"),
    [
        ('smtp_url = "smtps://tegata:secret@mail.example.org"', True),
        ('smtp_url = "smtp://mail.example.org"', False),
        ('service_name = "Portal"', False),
    ],
)
def test_production_refuses_settings_with_a_secret_that_others_can_read(
    desk_on_sqlite: Shell, line: str, is_refused: bool
) -> None:
    """A password in the file of settings is a secret like the keys; a file without one may be read by all."""
    file = desk_on_sqlite.folder / "tegata.toml"
    file.write_text(f"{line}\n", encoding="utf-8")
    file.chmod(0o644)
    desk_on_sqlite.set(config=str(file))
    told = [reason for reason in reasons(desk_on_sqlite) if str(file) in reason]
    assert bool(told) is is_refused
    assert all(reason.endswith(f"run `chmod 600 {file}`.") for reason in told)
    file.chmod(0o600)
    assert reasons(desk_on_sqlite) == []


def test_production_refuses_what_belongs_to_a_demo(desk_on_sqlite: Shell) -> None:
    """Everybody knows the passwords in there."""
    (desk_on_sqlite.folder / "DEMO").touch()
    assert [line.partition(" belongs to a demo")[0] for line in reasons(desk_on_sqlite)] == [
        str(desk_on_sqlite.folder / "keys.json"),
        str(desk_on_sqlite.folder / "tegata.db"),
    ]


@pytest.mark.parametrize(("setting", "door"), [("origin", "web"), ("mail_from", "mail_gateway")])
def test_no_door_starts_without_what_it_needs(desk_on_sqlite: Shell, setting: str, door: str) -> None:
    """In demo mode as well."""
    desk_on_sqlite.set(**{setting: ""})
    told = desk_on_sqlite.run("serve", door)
    assert told.code == 1
    assert told.err.startswith(f"TEGATA_{setting.upper()} is not set: write ")


def test_an_old_schema_is_refused_with_the_command_that_mends_it(desk_on_sqlite: Shell) -> None:
    """Nothing is migrated behind the operator's back."""
    import sqlite3

    with sqlite3.connect(desk_on_sqlite.folder / "tegata.db") as rows:
        rows.execute("DELETE FROM tortoise_migrations")
    told = desk_on_sqlite.really("serve")
    assert told.code == 1
    assert "run `tegata migrate`" in told.err


def test_a_whole_hub_serves_tells_of_itself_and_ends(desk: Shell) -> None:
    """Pages, health at both listeners, metrics; a second one says that the port is taken; SIGTERM ends it with 0."""
    watchers = where(desk, "metrics_listen")
    with desk.served("serve", ready=f"{watchers}/health/live") as process:
        assert fetch(where(desk, "listen"))[0] == 200
        for base in (watchers, where(desk, "listen")):
            assert fetch(f"{base}/health/live")[0] == 200
            status, text = fetch(f"{base}/health/ready")
            assert status == 200
            assert set(json.loads(text)["parts"]) == {"database", "mail", "mail policy", "metrics"}
        metrics = fetch(f"{watchers}/metrics")[1]
        assert 'tegata_logins_total{outcome="password-wrong"} 0.0' in metrics
        assert 'tegata_outbox_due{channel="mail"} 0.0' in metrics
        second = desk.really("serve")
        assert second.code == 1
        listen = desk.variables["TEGATA_LISTEN"]
        assert f"TEGATA_LISTEN: {listen} can't be listened at: another program listens there." in second.err
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "hub.stopped" in err.splitlines()[-1]
        assert "Traceback" not in err


def test_systemd_is_notified_and_a_hang_up_ends_it_cleanly(
    desk_on_sqlite: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """READY=1 when the doors are open, STOPPING=1 at the end; SIGHUP ends it as SIGTERM does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(desk_on_sqlite.folder / "notify"))
        listener.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(desk_on_sqlite.folder / "notify"))
        with desk_on_sqlite.served("serve", ready=f"{where(desk_on_sqlite, 'listen')}/health/live") as process:
            assert listener.recv(64) == b"READY=1"
            process.send_signal(signal.SIGHUP)
            _, err = process.communicate(timeout=20)
            assert process.returncode == 0
            assert "hub.stopped" in err.splitlines()[-1]
            assert listener.recv(64) == b"STOPPING=1"


def test_a_second_hub_on_one_sqlite_file_is_refused(desk_on_sqlite: Shell) -> None:
    """SQLite is for one hub process: the second, on ports of its own, says so; after the first has ended it starts."""
    desk = desk_on_sqlite
    first = f"{where(desk, 'metrics_listen')}/health/live"
    with desk.served("serve", ready=first):
        taken = {name: desk.variables[f"TEGATA_{name.upper()}"] for name in ("listen", "metrics_listen")}
        desk.set(listen=f"127.0.0.1:{free_port()}", metrics_listen=f"127.0.0.1:{free_port()}")
        for words in (("serve",), ("serve", "web"), ("serve", "mail_gateway")):
            second = desk.really(*words)
            assert second.code == 1
            assert "another hub process uses this SQLite file" in second.err
            assert len(second.err.splitlines()) == 1
        desk.set(**taken)
    with desk.served("serve", ready=first):
        pass


def test_readiness_fails_while_nothing_can_be_written(desk_on_sqlite: Shell) -> None:
    """A database that can be read and not written is not ready: every login would end in 503."""
    desk = desk_on_sqlite
    ready = f"{where(desk, 'metrics_listen')}/health/ready"
    with desk.served("serve", ready=ready):
        with sqlite3.connect(desk.folder / "tegata.db", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            status, text = fetch(ready)
            assert status == 503
            told = {"status": "failed", "what": "no row can be written: no answer in 2 s"}
            assert json.loads(text)["parts"]["database"] == told
            doctor = desk.run("doctor")
            assert doctor.code == 1
            assert "database: no row can be written" in doctor.out
            other.execute("ROLLBACK")
        assert fetch(ready)[0] == 200


def test_a_hub_opens_as_many_files_as_it_may(desk_on_sqlite: Shell) -> None:
    """Each page that waits holds a connection, so the lower of the two limits is lifted to the higher."""
    given, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most // 2, most))
    try:
        with desk_on_sqlite.served("serve", ready=f"{where(desk_on_sqlite, 'listen')}/health/live") as process:
            assert resource.prlimit(process.pid, resource.RLIMIT_NOFILE) == (most, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (given, most))


def test_the_mail_gateway_serves_alone(desk_on_sqlite: Shell) -> None:
    """No page; health and metrics all the same; an interrupt ends it with 0."""
    watchers = where(desk_on_sqlite, "metrics_listen")
    with desk_on_sqlite.served("serve", "mail_gateway", ready=f"{watchers}/health/ready") as process:
        with pytest.raises(OSError, match="refused"):
            fetch(where(desk_on_sqlite, "listen"))
        assert set(json.loads(fetch(f"{watchers}/health/ready")[1])["parts"]) == {
            "database",
            "mail",
            "mail policy",
            "metrics",
        }
        assert "tegata_mail_accepted_seconds_count" in fetch(f"{watchers}/metrics")[1]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode == 0


def test_the_web_door_serves_alone_and_a_taken_metrics_port_only_degrades_it(desk_on_sqlite: Shell) -> None:
    """Two processes may share a machine; the second says what it lacks and serves."""
    desk_on_sqlite.set(metrics_listen=desk_on_sqlite.variables["TEGATA_LISTEN"].replace("127.0.0.1", "192.0.2.1"))
    web = where(desk_on_sqlite, "listen")
    with desk_on_sqlite.served("serve", "web", ready=f"{web}/health/ready"):
        status, text = fetch(f"{web}/health/ready")
        told = json.loads(text)
        assert (status, told["status"]) == (200, "degraded")
        assert "mail" not in told["parts"]
        assert told["parts"]["metrics"]["what"].startswith("TEGATA_METRICS_LISTEN: 192.0.2.1:")


def test_the_demo_says_what_to_type_and_keeps_its_data(shell: Shell) -> None:
    """The second start shows the same cards; --fresh other ones; a port that is taken is one sentence."""
    from tests.support.ports import free_port

    port = free_port(row=10)
    words = ("demo", "--port", port, "--folder", "data")

    def shown(*more: str) -> str:
        process = shell.start(*words, *more)
        assert process.stdout
        said = "".join(iter(process.stdout.readline, LAST_LINE))
        if not more:
            second = shell.really(*words)
            assert (second.code, len(second.err.splitlines())) == (1, 1)
            assert "another program listens there" in second.err
        assert fetch(f"http://127.0.0.1:{port}/login/account")[0] == 200
        assert [named_by(port + door) for door in (0, 1, 4)] == ["Tegata", "Tegata", "Slack stand-in"]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
        assert (process.returncode, err) == (0, "")
        return said

    first = shown()
    for word in (
        f"http://127.0.0.1:{port}/",
        f"http://127.0.0.1:{port + 1}/",
        f"http://127.0.0.1:{port + 4}/",
        "taro or hanako",
        "tegata-demo",
    ):
        assert word in first
    assert shown() == first
    assert cards_in(shown("--fresh")) != cards_in(first)


def named_by(port: int) -> str:
    """Read what a door names as the program that answers: no library, of no version."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        return str(answer.headers["Server"])


def cards_in(said: str) -> str:
    """The part of the demo's words that shows the cards."""
    return said.partition("Matrix card of taro")[2]


def test_fresh_leaves_a_folder_alone_that_is_no_demos(shell: Shell) -> None:
    """A typing error must not cost anybody's files."""
    folder = Path("precious")
    folder.mkdir()
    (folder / "thesis.txt").write_text("three years")
    told = shell.run("demo", "--fresh", "--folder", folder)
    assert told.code == 1
    assert "this is no demo's folder" in told.err
    assert (folder / "thesis.txt").exists()
