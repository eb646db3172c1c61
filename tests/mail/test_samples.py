"""Every written sample in `tests/samples/mail` is taken for what its folder says."""

from pathlib import Path

import pytest

from hub.contacts.suspension import BounceKind
from hub.inbound.answers.commands import command_of
from hub.inbound.mail_commands import Confirm, Help, ListContacts, Refuse, Remove
from mail_gateway.inbound.delivery_reports import Delivered, Finding
from mail_gateway.inbound.parsing import Parsed, parse
from tests.support.paths import SAMPLES

COMMANDS = {"confirm": Confirm, "refuse": Refuse, "list": ListContacts, "remove": Remove, "help": Help}


def sorted_as(parsed: Parsed) -> str:
    """Name the folder that a message to a reply address belongs to."""
    if parsed.machine or parsed.doubt:
        return "automatic"
    command = command_of(parsed.text)
    return next((name for name, kind in COMMANDS.items() if isinstance(command, kind)), "nothing")


def reported_as(parsed: Parsed) -> str:
    """Name the folder that a message to a bounce address belongs to."""
    match parsed.report:
        case Finding(bounce, _):
            return str(bounce.kind)
        case Delivered():
            return "delivered"
        case None:
            return "nothing"


def written(*folders: str) -> list[Path]:
    """List the samples of some folders."""
    return sorted(file for folder in folders for file in (SAMPLES / folder).glob("*.eml"))


def name_of(file: Path) -> str:
    """Name a sample as a test shows it."""
    return f"{file.parent.name}/{file.stem}"


@pytest.mark.parametrize("file", written(*COMMANDS, "automatic", "nothing"), ids=name_of)
def test_an_answer_is_taken_for_what_it_is(file: Path) -> None:
    """What people and machines really send to a reply address."""
    assert sorted_as(parse(file.read_bytes())) == file.parent.name


@pytest.mark.parametrize("file", written(*BounceKind, "delivered"), ids=name_of)
def test_a_report_is_taken_for_what_it_is(file: Path) -> None:
    """What mail servers really send to a bounce address; and none of it is a command at a reply address."""
    parsed = parse(file.read_bytes())
    assert reported_as(parsed) == file.parent.name
    assert sorted_as(parsed) in {"automatic", "nothing"}


def test_the_samples_are_many() -> None:
    """At least forty, of every kind."""
    assert len(list(SAMPLES.rglob("*.eml"))) >= 40
    assert {folder.name for folder in SAMPLES.iterdir()} == {
        *COMMANDS,
        *BounceKind,
        "automatic",
        "nothing",
        "delivered",
    }


def test_a_removal_names_its_label_whatever_the_charset() -> None:
    """The label comes through ISO-2022-JP whole."""
    parsed = parse((SAMPLES / "remove" / "remove-ja.eml").read_bytes())
    assert command_of(parsed.text) == Remove("携帯")
