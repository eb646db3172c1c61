"""An operator at a shell: commands typed, what they said and how they ended."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import structlog
from typer.testing import CliRunner

from cli.main import app
from hub.security import keyring
from tests.support.factory import PASSWORD, START
from tests.support.ports import free_port

TEGATA = Path(sys.executable).with_name("tegata")


@dataclass(frozen=True)
class Told:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it wrote for another program."""
        return json.loads(self.out)


class Shell:
    """A working folder and the variables of its commands."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.variables: dict[str, str] = {}
        self._patch = monkeypatch
        self._started: list[subprocess.Popen[str]] = []
        for name in os.environ:
            if name.startswith("TEGATA_"):
                monkeypatch.delenv(name)
        monkeypatch.chdir(folder)

    def set(self, **variables: object) -> None:
        """Set variables, by their names without TEGATA_ in small letters."""
        for name, value in variables.items():
            self.variables[f"TEGATA_{name.upper()}"] = str(value)
            self._patch.setenv(f"TEGATA_{name.upper()}", str(value))

    def run(self, *words: object, typed: str | bytes = "") -> Told:
        """Run a command in this process, which is quick."""
        ended = CliRunner().invoke(app, [str(word) for word in words], input=typed)
        structlog.reset_defaults()
        assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
        assert "Traceback" not in ended.output
        return Told(ended.exit_code, ended.stdout, ended.stderr)

    def start(self, *words: object) -> "subprocess.Popen[str]":
        """Start the real program."""
        process = subprocess.Popen(
            [TEGATA, *map(str, words)],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def close(self) -> None:
        """End what a failed test left running."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
                process.communicate(timeout=20)

    def really(self, *words: object) -> Told:
        """Run the real program to its end."""
        process = self.start(*words)
        out, err = process.communicate(timeout=30)
        assert "Traceback" not in err
        return Told(process.returncode, out, err)

    @contextmanager
    def served(self, *words: object, ready: str) -> "Iterator[subprocess.Popen[str]]":
        """Run the real program beside the test, from the moment it answers at `ready`."""
        process = self.start(*words)
        try:
            wait_for(ready, process)
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                process.communicate(timeout=20)

    def member(self, name: str = "taro") -> None:
        """Add an account."""
        told = self.run("account", "add", name, "--password-stdin", typed=f"{PASSWORD}\n")
        assert told.code == 0, told


def fetch(url: str) -> tuple[int, str]:
    """Read a page, whatever its status."""
    try:
        with urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except URLError as error:
        if hasattr(error, "code"):
            return int(error.code), error.read().decode()
        raise


def wait_for(url: str, process: "subprocess.Popen[str]") -> None:
    """Wait until a page answers; a process that ends before tells what it wrote."""
    until = monotonic() + 20
    while monotonic() < until:
        assert process.poll() is None, process.communicate()
        with suppress(OSError):
            fetch(url)
            return
        sleep(0.05)
    raise AssertionError(url)


@pytest.fixture(autouse=True)
def log_of_its_own() -> Iterator[None]:
    """Keep the log of one test apart from a command that another test ran, which configures it.

    Tracebacks are plain, as in production: by default structlog has rich draw them with every local variable, which
    takes up to ten seconds each.
    """
    structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback
    yield
    structlog.reset_defaults()


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A shell in an empty folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    made = Shell(folder, monkeypatch)
    yield made
    made.close()


@pytest.fixture
def desk(shell: Shell, database_url: str) -> Shell:
    """A shell beside a hub that is set up, on each engine."""
    return set_up(shell, database_url)


@pytest.fixture
def desk_on_sqlite(shell: Shell, sqlite_template: Path) -> Shell:
    """A shell beside a hub that is set up on SQLite, for what does not depend on the engine."""
    file = shell.folder / "tegata.db"
    file.write_bytes(sqlite_template.read_bytes())
    file.chmod(0o600)
    return set_up(shell, f"sqlite:///{file}")


def set_up(shell: Shell, url: str) -> Shell:
    """Set what every hub needs, with free ports and passwords that are cheap to hash."""
    keys = shell.folder / "keys.json"
    keyring.create(keys, now=START)
    port, watchers = free_port(), free_port()
    shell.set(
        mode="demo",
        database_url=url,
        keys_file=keys,
        origin=f"http://127.0.0.1:{port}",
        listen=f"127.0.0.1:{port}",
        metrics_listen=f"127.0.0.1:{watchers}",
        mail_from="tegata@portal.test",
        smtp_url="smtp://127.0.0.1:1",
        argon2_memory=8,
        argon2_passes=1,
    )
    return shell


__all__ = ["Shell", "Told", "desk", "desk_on_sqlite", "fetch", "shell", "wait_for"]
