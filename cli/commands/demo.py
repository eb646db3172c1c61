"""`tegata demo`: everything in one process on this machine, with an inbox to look into."""

import shutil
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cli.commands import demo_kiosk
from cli.commands.demo_kiosk import Corner
from cli.server import log_setup
from cli.server.http_listener import Places, listening
from cli.server.process import DOORS, running, stop_asked, utc_now
from cli.server.serve import run
from cli.server.startup_checks import DEMO_MARK
from demo import campus, inbox
from demo.campus import Place
from demo.card.piv import PIN
from demo.people import PASSWORD, Member, members
from demo.slack.stand_in import StandIn, standing_in
from hub.authenticators.matrix import COLUMNS, ROWS
from hub.domain.errors import HubError
from hub.domain.request_context import Visit
from hub.security import keyring
from hub.settings import Listen, Mode, Settings, load
from models.database import migrate
from models.kinds import Zone

_HOST = "127.0.0.1"
_READERS = 64
# Behind the inbox, the metrics and the mail door.
_SLACK = 4


def demo(*, folder: Path, port: int, fresh: bool, has_kiosk: bool = False) -> None:
    """Run the demo until it is stopped; its data stays in `folder`, unless `fresh` starts over."""
    if fresh:
        _forget(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / DEMO_MARK).write_text("Everybody knows the passwords in here.\n", encoding="utf-8")
    except OSError as error:
        message = f"{folder}: the demo can't keep its data there ({error.strerror})."
        raise HubError(message) from error
    run(_shown(folder, port, has_kiosk=has_kiosk))


def _forget(folder: Path) -> None:
    """Drop an earlier demo's data, and nothing that isn't one's."""
    if not folder.exists():
        return
    if not (folder / DEMO_MARK).exists():
        message = f"{folder}: this is no demo's folder, so --fresh leaves it alone."
        raise HubError(message)
    shutil.rmtree(folder)


async def _shown(folder: Path, port: int, *, has_kiosk: bool) -> None:
    stopped = stop_asked()
    async with AsyncExitStack() as stack:
        letters = inbox.Inbox()
        smtp_port = await stack.enter_async_context(inbox.mail_server(letters, host=_HOST))
        slack = await _serve_slack(stack, port + _SLACK)
        corner = await demo_kiosk.corner(stack, folder, port) if has_kiosk else None
        settings = _settings(folder, port, smtp_port, slack, **(corner.settings if corner else {}))
        log_setup.configure(settings)
        if not settings.keys_file.exists():
            keyring.create(settings.keys_file, now=utc_now())
        await migrate(settings.database_url)
        places = [*_places(port), *(corner.places if corner else ())]
        framers = [corner.origin] if corner else []
        process = await stack.enter_async_context(
            running(settings, DOORS, wrap=partial(campus.add_page, places=places, framers=framers))
        )
        await _serve_inbox(stack, letters, port + 1)
        visit = Visit(utc_now(), _HOST, Zone.ON_CAMPUS, "tegata demo")
        people = await members(process.hub, visit, folder)
        if corner is not None:
            await corner.open(stack, process.hub, visit)
        _tell(port, people, corner)
        await stopped.wait()


def _settings(folder: Path, port: int, smtp_port: int, slack: StandIn, **more: object) -> Settings:
    return load(
        {},
        mode=Mode.DEMO,
        origin=f"http://{_HOST}:{port}",
        listen=f"{_HOST}:{port}",
        metrics_listen=f"{_HOST}:{port + 2}",
        database_url=f"sqlite:///{folder.absolute() / 'tegata.db'}",
        keys_file=folder.absolute() / "keys.json",
        smtp_url=f"smtp://{_HOST}:{smtp_port}?starttls=never",
        mail_from="Tegata <tegata@portal.example>",
        mail_domain="portal.example",
        mail_listen=f"{_HOST}:{port + 3}",
        slack_api_url=slack.base_url,
        slack_bot_token=slack.bot_token,
        slack_app_token=slack.app_token,
        campus_networks="127.0.0.0/8, ::1/128",
        # One newcomer logs in at a time, and each thread keeps 19 MiB.
        argon2_threads=1,
        log_level="warning",
        **more,
    )


async def _serve_slack(stack: AsyncExitStack, port: int) -> StandIn:
    try:
        slack = await stack.enter_async_context(standing_in(host=_HOST, port=port))
    except OSError as error:
        message = (
            f"Slack can't be shown at {_HOST}:{port}, perhaps another program listens there; choose another --port."
        )
        raise HubError(message) from error
    slack.app.name = "Tegata"
    return slack


def _places(port: int) -> list[Place]:
    """List what belongs side by side on a screen."""
    return [
        Place("The portal", f"http://{_HOST}:{port}/"),
        Place("The inbox", f"http://{_HOST}:{port + 1}/"),
        Place("Slack, as Taro or somebody else", f"http://{_HOST}:{port + _SLACK}/as/UTARO"),
    ]


async def _serve_inbox(stack: AsyncExitStack, letters: inbox.Inbox, port: int) -> None:
    # The hub takes answers and reports two ports further.
    page = inbox.application(letters, Listen(_HOST, port + 2))
    # With the hub's own connections, so that no answer names the library.
    places = Places("inbox", _READERS)
    await stack.enter_async_context(listening(page, f"{_HOST}:{port}", "--port", places=places))


def _tell(port: int, people: list[Member], corner: Corner | None) -> None:
    """Say what to open and what to type."""
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"\nTegata's demo runs. Open:\n  all side by side  http://{_HOST}:{port}/demo  (on campus or off)")
    console.print(f"  the portal        http://{_HOST}:{port}/")
    console.print(f"  the inbox         http://{_HOST}:{port + 1}/")
    console.print(f"  Slack             http://{_HOST}:{port + _SLACK}/")
    if corner is not None:
        console.print(f"  the kiosk         {corner.origin}/kiosk\n  the card reader   {corner.origin}/")
    names = " or ".join(one.account for one in people)
    console.print(f"\nAccount: {names}    Password: {PASSWORD}\n")
    for one in people:
        console.print(_card(one))
    console.print("Mail to any address ends in the inbox, where it can be answered or bounced.")
    console.print("In Slack, type /tegata link as Taro or Hanako, and open the page that it answers with.")
    if corner is not None:
        console.print(f"Put a card on the reader, type its PIN ({PIN}) at the kiosk, and take the card away.")
        console.print(
            "One card is not bound yet: in the portal choose Settings, IC card and the kiosk, then put it on."
        )
        console.print("After two wrong PINs a card is at its last try; the reader's page sets its tries back.")
    console.print("Ctrl-C ends the demo; its data is kept.\n")


def _card(member: Member) -> Table:
    table = Table(title=f"Matrix card of {member.account}", title_justify="left", pad_edge=False, box=None)
    table.add_column("")
    for column in COLUMNS:
        table.add_column(column)
    for row in ROWS:
        table.add_row(row, *(member.cells[f"{column},{row}"] for column in COLUMNS))
    return table
