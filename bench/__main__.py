"""Every measurement, in one place: `scripts/bench NAME…`, all of them when none is named."""

import argparse
import sys
from collections.abc import Callable, Coroutine

import uvloop

from bench import decisions, growth, hot, kiosk, latency, login, mail, power, size, slack

Measurement = Callable[[], Coroutine[object, object, None]]
MEASUREMENTS: dict[str, tuple[Measurement, str]] = {
    "decisions": (decisions.run, "processor time of a mail login in the hub alone, without pages and SMTP"),
    "login": (login.run, "processor time of a whole mail login, beside one argon2id verify"),
    "latency": (latency.run, "from a code being asked for to the mail server's 250, at 50 logins a second"),
    "mail": (mail.run, "mail coming in and going out, beside bare loops, and codes behind 10,000 notices"),
    "slack": (slack.run, "commands and codes by Slack: how soon, what dropped sockets lose, what two bots do twice"),
    "kiosk": (kiosk.run, "a card's way in and out at a whole kiosk, alone and as one of fifty"),
    "power": (power.run, "promises missing after a failed sync and a power cut: none may be"),
    "growth": (growth.run, "waits for jobs, and verifying the audit, with 100,000 accounts and 1,000,000 old rows"),
    "hot": (
        hot.run,
        "right passwords while another client in the same network guesses: how many are refused, how long it takes",
    ),
    "size": (size.run, "start-up time, and memory over 15,000 logins, of the hub and of the whole demo"),
}


def main() -> int:
    """Run the measurements asked for."""
    listed = "\n".join(f"  {name:<10} {meaning}" for name, (_, meaning) in MEASUREMENTS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/bench", epilog=listed, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure; everything when nothing is named")
    names = parser.parse_args().names or list(MEASUREMENTS)
    for name in names:
        if name not in MEASUREMENTS:
            sys.stderr.write(f"{name}: there is no such measurement; there are {', '.join(MEASUREMENTS)}.\n")
            return 2
    # Into a file or a pipe, too, each line is there when it was measured: some take a quarter of an hour.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    for name in names:
        measure, meaning = MEASUREMENTS[name]
        print(f"\n== {name}: {meaning}")
        # The loop that the hub runs on.
        uvloop.run(measure())
    return 0


if __name__ == "__main__":
    sys.exit(main())
