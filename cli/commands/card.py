"""`tegata card`: bind IC cards to accounts, list and block them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import runtime
from cli.commands.account import AsJson, DryRun, File, KeepGoing, Name, Quiet, report, shown_progress
from cli.console import as_json, counted, say, warn

if TYPE_CHECKING:
    from hub.accounts.bulk_import import Imported
    from hub.cards.ic_cards import CardLine
    from hub.context import Hub

_NOT_UNIQUE = (
    "Warning: {} 4 bytes. Such numbers are not unique: another person's card may have the same one. Those of type B"
    " cards (My Number cards, passports) change each time: `python -m reader_kiosk number` at a kiosk tells them apart."
)
app = typer.Typer(no_args_is_help=True, help="Bind IC cards to accounts, list and block them.")

Fingerprint = Annotated[
    str, typer.Argument(metavar="FINGERPRINT", help="The SHA-256 of its certificate, or its first digits.")
]


@app.command()
def bind(
    account: Name,
    certificate: Annotated[Path | None, typer.Option(help="The card's certificate of slot 9A, PEM or DER.")] = None,
    uid: Annotated[
        str, typer.Option(help="The number of a card without a key: it names the account but proves nothing.")
    ] = "",
    quiet: Quiet = False,
) -> None:
    """Bind a card to an account, by its certificate or, for one that only names it, by its number."""
    if (certificate is None) == (not uid):
        runtime.refuse("Name a certificate with --certificate, or a card's number with --uid.")

    async def work(hub: "Hub") -> str:
        from hub.cards import bulk_import, ic_cards, numbers, uid_cards

        if certificate is None:
            await uid_cards.bind_for(hub, runtime.visit(), account, uid, quiet=quiet)
            if not numbers.is_unique(numbers.plain(uid)):
                warn(_NOT_UNIQUE.format("this is a number of"))
            return "" if hub.settings.uid_cards else " It names no account until TEGATA_UID_CARDS is true."
        read = bulk_import.certificate_in(certificate)
        bulk_import.check(hub.card_trust.now_known(), read, now=runtime.now())
        fingerprint = await ic_cards.bind_for(hub, runtime.visit(), account, read, quiet=quiet)
        return f" Fingerprint {fingerprint}."

    said = runtime.in_hub(work)
    say(f"The card is bound to {account}.{said}")


@app.command("import")
def import_file(
    file: File, dry_run: DryRun = False, keep_going: KeepGoing = False, quiet: Quiet = False, json: AsJson = False
) -> None:
    """Bind many cards: columns account and certificate (a file beside it, PEM, or DER in base64) or uid (a number)."""

    async def work(hub: "Hub") -> "Imported":
        from hub.accounts import bulk_import as imports
        from hub.cards import bulk_import

        trust = hub.card_trust.now_known()
        read = await bulk_import.fitting(hub, bulk_import.read(file, trust, now=runtime.now()))
        if read.not_unique:
            warn(
                _NOT_UNIQUE.format(
                    f"{counted(read.not_unique, 'number')} of the file {'has' if read.not_unique == 1 else 'have'}"
                )
            )
        if dry_run or (read.bad and not keep_going):
            return imports.unwritten(read)
        with shown_progress("binding", len(read.good)) as advance:
            await bulk_import.write(hub, runtime.visit(), read.good, advance, quiet=quiet)
        return imports.written(read)

    report(file, runtime.in_hub(work), what="card", dry_run=dry_run, json=json)


@app.command("list")
def list_cards(
    account: Annotated[str, typer.Argument(metavar="[ACCOUNT]", help="Only the cards of this account.")] = "",
    json: AsJson = False,
) -> None:
    """List IC cards with their fingerprints."""

    async def work(_hub: "Hub") -> "list[CardLine]":
        from hub.cards import ic_cards

        return await ic_cards.listed(account)

    lines = runtime.in_hub(work)
    if json:
        as_json(lines)
        return
    if not lines:
        say("There is no such card.")
    for line in lines:
        say(f"{line.account}  {line.fingerprint[:16]}  {line.subject}  {_state(line)}")


@app.command()
def block(fingerprint: Fingerprint, quiet: Quiet = False) -> None:
    """Take no login by a card any more, and end the account's sessions."""

    async def work(hub: "Hub") -> int:
        from hub.cards import ic_cards

        return await ic_cards.block(hub, runtime.visit(), fingerprint, quiet=quiet)

    say(f"{fingerprint} is blocked; {counted(runtime.in_hub(work), 'open session')} ended.")


@app.command()
def unblock(fingerprint: Fingerprint, quiet: Quiet = False) -> None:
    """Take logins by a card again."""

    async def work(hub: "Hub") -> None:
        from hub.cards import ic_cards

        await ic_cards.unblock(hub, runtime.visit(), fingerprint, quiet=quiet)

    runtime.in_hub(work)
    say(f"{fingerprint} can be used again.")


@app.command("forget-uids")
def forget_uids(account: Name, quiet: Quiet = False) -> None:
    """Forget all cards that only name an account, and end the account's sessions."""

    async def work(hub: "Hub") -> int:
        from hub.cards import uid_cards

        return await uid_cards.unbind_all(hub, runtime.visit(), account, quiet=quiet)

    say(f"{account}: {counted(runtime.in_hub(work), 'card')} forgotten.")


def _state(line: "CardLine") -> str:
    if line.blocked_at:
        return f"blocked {line.blocked_at:%Y-%m-%d}"
    if line.expires_at <= runtime.now():
        return f"expired {line.expires_at:%Y-%m-%d}"
    return f"last used {line.used_at:%Y-%m-%d}" if line.used_at else f"valid until {line.expires_at:%Y-%m-%d}"
