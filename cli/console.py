"""How commands speak: to a person, to a program, and when something can't be done."""

import json
import sys
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any

from rich.console import Console

# No emoji: rich would read one into the `:b:` of an IPv6 address.
out = Console(soft_wrap=True, highlight=False, emoji=False)
err = Console(soft_wrap=True, highlight=False, emoji=False, stderr=True)


def say(text: str) -> None:
    """Say something to the person at the terminal."""
    out.print(text, markup=False)


def warn(text: str) -> None:
    """Say something beside the output proper."""
    err.print(text, markup=False)


def counted(number: int, what: str) -> str:
    """Write a number with its noun: 1 card, 2 cards."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def as_json(value: object) -> None:
    """Write rows for another program."""
    sys.stdout.write(json.dumps(value, default=_plain, ensure_ascii=False, indent=2) + "\n")


def _plain(value: Any) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
