"""`tegata mail`: send a test mail with the whole dialogue shown, and keep the keys that sign mail."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import runtime
from cli.commands import mail_quarantine
from cli.commands.account import AsJson
from cli.console import as_json, say, warn

if TYPE_CHECKING:
    from mail_gateway.outbound.dkim_keys import DkimKey
    from mail_gateway.outbound.test_message import Dialogue

app = typer.Typer(no_args_is_help=True, help="Send a test mail, and keep the keys that sign mail.")
dkim = typer.Typer(no_args_is_help=True, help="Make, publish and list the keys that sign mail.")
app.add_typer(dkim, name="dkim")
app.add_typer(mail_quarantine.app, name="shelf")


@app.command()
def test(address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where the test mail goes.")]) -> None:
    """Send a test mail and show the whole SMTP dialogue; exit code 1 when it is not accepted."""
    from mail_gateway.outbound import test_message

    given = runtime.settings()

    def work() -> "Dialogue":
        return asyncio.run(test_message.sent(given, address, now=runtime.now()))

    told = runtime.guarded(work)
    for line in told.lines:
        say(line)
    if told.is_accepted:
        say(f"The mail server took the mail for {address}; it is now on its way.")
        return
    warn(f"The mail for {address} was not accepted.")
    raise typer.Exit(runtime.REFUSED)


@dkim.command()
def new() -> None:
    """Make a pair of keys, RSA and Ed25519; they sign from tomorrow on, when their records have spread."""
    from mail_gateway.outbound import dkim_keys

    folder = _folder()
    made = runtime.guarded(lambda: dkim_keys.make(folder, now=runtime.now()))
    for key in made:
        say(f"{key.selector}  {key.algorithm}")
    warn("Publish their records now: `tegata mail dkim dns`. Keep older keys until no mail of theirs is on its way.")


@dkim.command()
def dns() -> None:
    """Print the DNS records of all keys, for the zone file."""
    from hub.domain.identifiers import domain_of
    from mail_gateway.outbound.messages import sender_address

    domain = domain_of(sender_address(runtime.settings().mail_from))
    for key in _keys():
        say(f"{key.selector}._domainkey.{domain}. IN TXT {_quoted(key.record)}")


@dkim.command("list")
def list_keys(json: AsJson = False) -> None:
    """List the keys: which sign, which wait, which are retired."""
    from mail_gateway.outbound import dkim_keys

    keys, now = _keys(), runtime.now()
    rows = [(key, dkim_keys.state_of(key, keys, now=now)) for key in keys]
    if json:
        as_json(
            [
                {"selector": key.selector, "algorithm": key.algorithm, "made_at": key.made_at, "state": state}
                for key, state in rows
            ]
        )
        return
    if not rows:
        say("There is no key yet; `tegata mail dkim new` makes a pair.")
    for key, state in rows:
        say(f"{key.selector}  {key.algorithm:<7}  made {key.made_at:%Y-%m-%d %H:%M} UTC  {state}")


def _keys() -> "list[DkimKey]":
    from mail_gateway.outbound import dkim_keys

    folder = _folder()
    return runtime.guarded(lambda: dkim_keys.load(folder))


def _folder() -> Path:
    folder = runtime.settings().dkim_keys
    if folder is None:
        runtime.refuse("TEGATA_DKIM_KEYS is not set: name the folder that holds the signing keys.")
    return folder


def _quoted(record: str) -> str:
    # A string of a TXT record holds 255 octets (RFC 1035, 3.3.14).
    parts = [record[at : at + 255] for at in range(0, len(record), 255)]
    return f"( {' '.join(f'{chr(34)}{part}{chr(34)}' for part in parts)} )"
