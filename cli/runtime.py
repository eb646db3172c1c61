"""How a command does its work in the hub: settings read, hub opened, refusals said in a sentence."""

import asyncio
import logging
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from pwd import getpwuid
from typing import TYPE_CHECKING, NoReturn, TypeVar

import structlog
import typer

from cli.console import warn
from hub.domain.errors import HubError
from hub.domain.request_context import Visit
from hub.settings import Settings, load
from models.kinds import Zone

if TYPE_CHECKING:
    from hub.context import Hub

Result = TypeVar("Result")
REFUSED = 1
# What the kernel says where no user logged in: a container, a timer.
_NO_LOGIN = 2**32 - 1


def settings() -> Settings:
    """Read the settings, or say what is wrong with them."""
    try:
        return load()
    except HubError as error:
        refuse(str(error))


def refuse(sentence: str) -> NoReturn:
    """Say why not, and end with exit code 1."""
    warn(sentence)
    raise typer.Exit(REFUSED)


def now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)


def visit() -> Visit:
    """Tell the hub that this is an operator at this machine."""
    who = _operator()
    return Visit(now(), "127.0.0.1", Zone.ON_CAMPUS, f"tegata, {who}"[:80], operator=who)


def _operator() -> str:
    """Name the Unix user who logged in to this machine, although the command runs as the hub's own user."""
    try:
        number = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        number = _NO_LOGIN
    if number != _NO_LOGIN:
        return _user(number)
    return os.environ.get("SUDO_USER") or _user(os.getuid())  # noqa: TID251 - it names a person and sets nothing


def _user(number: int) -> str:
    try:
        return getpwuid(number).pw_name
    except KeyError:
        return str(number)


def guarded(work: Callable[[], Result]) -> Result:
    """Do a command's work; whatever goes wrong is a sentence and an exit code, never a traceback."""
    # A command's own words are its output; what the hub logs beside it is for servers.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    try:
        return work()
    except HubError as error:
        refuse(str(error))
    except KeyboardInterrupt:
        refuse("Stopped; nothing was left half-done.")
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(REFUSED) from None
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        refuse(_sentence(error))


def in_hub(work: "Callable[[Hub], Awaitable[Result]]") -> Result:
    """Open the hub as the settings say, and do some work in it."""
    from hub.context import opened

    given = settings()

    async def opened_and_done() -> Result:
        async with opened(given) as hub:
            return await work(hub)

    return guarded(lambda: asyncio.run(opened_and_done()))


def _sentence(error: Exception) -> str:
    from tortoise.exceptions import BaseORMException

    from models.database import BadDatabaseUrlError

    if isinstance(error, BadDatabaseUrlError):
        return f"TEGATA_DATABASE_URL: {error}."
    said = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, BaseORMException | sqlite3.Error) or type(error).__module__.startswith("asyncpg"):
        return f"The database can't be used: {said}."
    if isinstance(error, OSError):
        return f"The database or a file can't be used: {said}."
    # A defect of ours: whoever mends it needs the place, whoever met it a sentence.
    if settings().log_level == "debug":
        logging.getLogger("tegata").error("this should not have happened", exc_info=error)
    return f"This should not have happened ({type(error).__name__}); TEGATA_LOG_LEVEL=debug shows where."
