"""The settings an operator can set and the numbers the product stands on, each in one place."""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parseaddr
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic.config import JsonDict
from pydantic_core import ErrorDetails

from hub.authenticators.card_account_rule import rule_of
from hub.domain.errors import SettingsError
from hub.domain.identifiers import AddressRules, UnacceptableError, address_of, domain_of, host_of
from hub.domain.policy import Network

PREFIX = "TEGATA_"
CONFIG = "TEGATA_CONFIG"
_LAST_PORT = 65535
_LONGEST_SERVICE = 64
DEFAULT_CONFIG = Path("tegata.toml")
SECRET: JsonDict = {"secret": True}
# A secret that is no URL: nothing of it is shown.
HIDDEN: JsonDict = {"secret": True, "hidden": True}
SLACK_API = "https://slack.com/api/"


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of the login decisions; not for operators to turn, so they stand in no file of theirs."""

    # NIST SP 800-63B-4, 3.1.3.2: an out-of-band secret lives at most ten minutes.
    code_life: timedelta = timedelta(minutes=10)
    code_tries: int = 3
    login_life: timedelta = timedelta(minutes=10)
    # Parallel guessing: each live challenge is another chance in a million.
    live_challenges: int = 5
    # The soft lock's steps (kanidm's idea): a fixed lock-out would be a denial of service.
    answer_steps: tuple[tuple[int, float], ...] = ((0, 1.0), (3, 3.0), (9, 5.0), (25, 10.0))
    # NIST SP 800-63B-4, 3.2.2: no more than 100 wrong answers in a row.
    answer_limit: int = 100
    # A browser that the account was used in: after so many wrong passwords in a row it waits, and is then forgotten.
    password_steps: tuple[tuple[int, float], ...] = ((0, 0.0), (10, 2.0), (25, 10.0), (50, 30.0))
    password_limit: int = 100
    # One name from one address: how long each wrong one keeps their queue. Behind one address may be a whole campus,
    # so the name is never closed there.
    password_pauses: tuple[tuple[int, float], ...] = ((0, 0.0), (10, 2.0), (25, 10.0))
    # NIST SP 800-63B-4, 3.2.2: 100 in a row for an account over all networks; slower and slower beyond.
    account_steps: tuple[tuple[int, float], ...] = ((0, 0.0), (100, 30.0), (200, 120.0), (300, 600.0))
    account_leaks: timedelta = timedelta(minutes=15)
    account_fades: timedelta = timedelta(days=4)
    password_fades: timedelta = timedelta(minutes=15)
    # A whole campus may share an address: a network's budget grows by two for each account lately logged in to from it.
    network_budget: int = 200
    network_leaks: timedelta = timedelta(seconds=5)
    network_fades: timedelta = timedelta(hours=24)
    # How long each wrong one keeps the queue of a network beyond its budget.
    network_pause: timedelta = timedelta(seconds=0.5)
    welcome_life: timedelta = timedelta(minutes=15)
    # The queue of a network or an account that is hot; a browser's patience is about a minute.
    queue_places: int = 64
    # Tries of a hot network that are heard at once, so that right ones pass beside a wrong one that still waits.
    queue_lanes: int = 4
    queue_wait: timedelta = timedelta(seconds=30)
    queue_retry: timedelta = timedelta(seconds=10)
    queue_remembered: int = 20_000
    # ASVS 5.0, 6.3.5: suspicious tries are told to the member; behind the right password two slips are usual.
    told_at_wrong: tuple[int, ...] = (3, 10)
    # Wrong passwords over all networks: more than members mistype, half of what an account bears.
    told_at_passwords: int = 50
    # Wrong passwords a minute and process at which an operator is alarmed.
    alarm_wrong: int = 120
    # Wrong passwords that the audit takes one by one an hour and process, from one address or /64, and from all.
    recorded_an_hour: int = 60
    all_recorded_an_hour: int = 3000
    # A stolen kiosk's key must not find out whose card has which number; on the first day of term many are unknown.
    card_number_steps: tuple[tuple[int, float], ...] = ((0, 0.0), (30, 5.0), (60, 30.0))
    # Mail bombing.
    sent_gap: timedelta = timedelta(seconds=30)
    sent_an_hour: int = 5
    sent_a_day: int = 20
    sent_an_hour_to_account: int = 10
    # Both days' limits: who knows a password must not ring all day. A member with three labels needs a dozen codes.
    sent_a_day_to_account: int = 60
    # Approval fatigue: who knows a password must not ring until its owner gives in. Three an hour are a slip or two
    # (the design's own number; CISA, "Implementing Number Matching in MFA Applications", 2022, says why at all).
    approvals_an_hour: int = 3
    approvals_a_day: int = 20
    # "This was not me": long enough to be read after a holiday weekend, and what it closes opens again by itself.
    not_me_life: timedelta = timedelta(days=7)
    codes_blocked: timedelta = timedelta(hours=1)
    # Link scanners press buttons at once (seen with several mail filters); a reader needs longer for the second page.
    not_me_pause: timedelta = timedelta(seconds=3)
    # What browsers keep a cookie for at most (RFC 6265bis, 5.5).
    known_browser: timedelta = timedelta(days=400)
    confirmation_life: timedelta = timedelta(hours=24)
    confirmation_tries: int = 5
    confirmations_outstanding: int = 3
    confirmation_gap: timedelta = timedelta(minutes=1)
    confirmations_a_day: int = 5
    # Of one account to all addresses, also of contacts that were removed.
    account_confirmations_an_hour: int = 5
    account_confirmations_a_day: int = 20
    # The portal's own limits.
    contacts: int = 10
    soft_tokens: int = 3
    soft_token_setup_life: timedelta = timedelta(minutes=10)
    # NIST SP 800-63B-4, 3.1.2 wants a grid's cell used once; the default asks for a new card instead.
    matrix_renew_after: int = 300
    matrix_strict_renew_after: int = 18
    # 63B-4, 3.1.2.1: look-up secrets below 20 bits need throttling; three one-sign cells have 15.
    matrix_bits_floor: int = 20
    # ASVS 5.0, V7.3: inactivity and absolute limits.
    session_idle: timedelta = timedelta(minutes=30)
    session_life: timedelta = timedelta(hours=12)
    step_up_life: timedelta = timedelta(minutes=10)
    # A form that arrives twice within this time gets the outcome of the first (OK pressed twice).
    repeat_life: timedelta = timedelta(seconds=10)
    # The longest that a claimant waits in the queue before a password hash.
    password_queue: timedelta = timedelta(seconds=2)
    # A sender that dies with a delivery in hand loses it to the next one after this.
    delivery_lease: timedelta = timedelta(seconds=60)
    # What became of a letter is unknown when its server did not answer its end, or its report was lost: RFC 5321 has it
    # sent again, which may make a copy. So it rests for this long, four times as long after that, and there is an end.
    unknown_pause: timedelta = timedelta(minutes=5)
    letter_copies: int = 3
    # Leases that ran out count, too, though a worker that was killed may not have begun: so their end is later.
    letter_leases: int = 6
    # RFC 5321, 4.5.4.1: mail servers give up after four to five days, so a later report is none of theirs.
    report_life: timedelta = timedelta(days=5)
    # Inbound mail: far above any answer or report, far below what hurts.
    mail_size: int = 1_000_000
    mail_lease: timedelta = timedelta(seconds=60)
    # A message at which this many readers ended is shelved.
    mail_attempts: int = 5
    # Whoever got one letter may answer it without end: beyond this it takes no room from others' answers.
    shelved_a_letter: int = 10
    # Anybody may write to the postmaster: that must not take the room of members' answers.
    operator_mail: int = 200
    # What is unread for longer means that nobody reads.
    mail_unread: timedelta = timedelta(minutes=5)
    # A URL that links a Slack account: long enough to log in, too short to be found later.
    slack_link_life: timedelta = timedelta(minutes=10)
    # Slack tries an event again for an hour at most (and each of us remembers what it heard for longer).
    kept_heard: timedelta = timedelta(days=1)
    # RFC 3834, 3: what answers by machine has a ceiling.
    answers_an_hour: int = 5
    answers_a_letter: int = 20
    # A kiosk's clock may be off by this much, and its nonces are remembered for as long.
    kiosk_skew: timedelta = timedelta(seconds=60)
    kiosk_code_life: timedelta = timedelta(hours=24)
    # Long enough for a card to sign, too short to carry the nonce elsewhere.
    kiosk_nonce_life: timedelta = timedelta(seconds=60)
    kiosk_admission_life: timedelta = timedelta(seconds=30)
    # Long enough to walk to the kiosk that one stands before.
    card_binding_life: timedelta = timedelta(minutes=3)
    kept_logins: timedelta = timedelta(days=1)
    kept_deliveries: timedelta = timedelta(days=30)
    kept_sessions: timedelta = timedelta(days=90)


NUMBERS = Numbers()


class Mode(StrEnum):
    """Whether foreign eyes may rely on this hub."""

    PRODUCTION = "production"
    DEMO = "demo"


@dataclass(frozen=True, slots=True)
class Listen:
    """An address to listen at."""

    host: str
    port: int


class Settings(BaseModel):
    """What an operator sets, from `TEGATA_*` variables and an optional `tegata.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)

    mode: Mode = Field(Mode.PRODUCTION, description="`production`, or `demo` to try things out over plain HTTP.")
    origin: str = Field(
        "",
        description="The address members see, such as https://portal.example.ac.jp; every URL that is mailed begins"
        " with it. A name in its own script is kept as browsers send it (xn--…).",
    )
    listen: str = Field("127.0.0.1:8080", description="Where the web door listens, HOST:PORT; TLS ends before it.")
    metrics_listen: str = Field(
        "127.0.0.1:9464",
        description="Where each process answers /metrics, /health/live and /health/ready, HOST:PORT; empty for"
        " nowhere.",
    )
    database_url: str = Field(
        "sqlite:////var/lib/tegata/tegata.db",
        description="sqlite:///PATH/FILE for one hub process, postgres://USER:PASSWORD@HOST:PORT/DATABASE for many.",
        json_schema_extra=SECRET,
        repr=False,
    )
    keys_file: Path = Field(
        Path("/var/lib/tegata/keys.json"), description="The key ring, readable by the hub's own user only."
    )
    smtp_url: str = Field(
        "smtp://127.0.0.1:25",
        description="The mail server that takes outgoing mail: smtp://HOST:PORT, smtps://USER:PASSWORD@HOST:PORT;"
        " ?starttls=required|never, ?ca=FILE.",
        json_schema_extra=SECRET,
        repr=False,
    )
    mail_from: str = Field("", description="The sender of all mail: an address, or `Name <address>`.")
    mail_domain: str = Field(
        "",
        description="The domain whose mail reaches this hub, for answers and delivery reports; empty for mail that only"
        " goes out.",
    )
    mail_listen: str = Field(
        "", description="Where the mail door takes SMTP, HOST:PORT, such as 0.0.0.0:25; empty for nowhere."
    )
    lmtp_listen: str = Field(
        "", description="Where the mail door takes LMTP from a mail server of yours, HOST:PORT; empty for nowhere."
    )
    mail_kept: Annotated[int, Field(ge=100, le=10_000_000)] = Field(
        20_000,
        description="How many messages may lie unread or on the shelf, 100 to 10000000; beyond it the mail door says"
        ' "not now".',
    )
    mail_authserv_id: str = Field(
        "",
        description="The name of a mail server of yours that checks SPF, DKIM and DMARC and removes what others wrote"
        " under its name: its `Authentication-Results` is trusted; empty for none.",
    )
    mail_front_servers: tuple[Network, ...] = Field(
        (),
        description="Networks of your mail servers that bring mail here, separated by commas: their"
        " `Authentication-Results`, XFORWARD and XCLIENT are trusted.",
    )
    mail_certificate: Path | None = Field(
        None, description="The certificate, with its chain, for STARTTLS at TEGATA_MAIL_LISTEN (PEM)."
    )
    mail_certificate_key: Path | None = Field(None, description="The private key of that certificate (PEM).")
    dkim_keys: Path | None = Field(
        None, description="The folder of the keys that sign outgoing mail; empty for a mail server that signs itself."
    )
    dns_resolver: str = Field(
        "",
        description="The name server that is asked about mail domains (SPF, DKIM, DMARC), HOST:PORT; empty for the"
        " machine's own.",
    )
    smtp_connections: Annotated[int, Field(ge=1, le=64)] = Field(
        4, description="How many connections to the mail server are kept, 1 to 64."
    )
    smtp_timeout: Annotated[float, Field(gt=0, le=300)] = Field(
        10.0,
        description="Seconds to wait for an answer of the mail server before a letter's end; a server that needs longer"
        " is given it, up to the time of RFC 5321.",
    )
    smtp_end_timeout: Annotated[float, Field(gt=0, le=3600)] = Field(
        600.0,
        description="Seconds to wait for the mail server's answer to the end of a letter; given up too early, the"
        " letter may arrive twice.",
    )
    slack_bot_token: str = Field(
        "",
        description="The bot's token of the Slack app (xoxb-…); empty for no Slack.",
        json_schema_extra=HIDDEN,
        repr=False,
    )
    slack_app_token: str = Field(
        "",
        description="The app-level token (xapp-…) with which Socket Mode is opened; empty for HTTP.",
        json_schema_extra=HIDDEN,
        repr=False,
    )
    slack_signing_secret: str = Field(
        "",
        description="The Slack app's signing secret, by which requests over HTTP are known to be Slack's.",
        json_schema_extra=HIDDEN,
        repr=False,
    )
    slack_mode: Literal["", "socket", "http"] = Field(
        "",
        description="How Slack reaches the bot: `socket` (the bot calls out) or `http` (Slack calls in); empty for"
        " `socket` when TEGATA_SLACK_APP_TOKEN is set.",
    )
    slack_listen: str = Field(
        "127.0.0.1:8090",
        description="Where the bot takes Slack's requests in HTTP mode (/slack/events), HOST:PORT; TLS ends before it.",
    )
    slack_teams: tuple[str, ...] = Field(
        (),
        description="The ids of the workspaces whose members may be linked (T…), separated by commas; empty for the"
        " bot's own.",
    )
    slack_api_url: str = Field(SLACK_API, description="The address of Slack's Web API.")
    campus_networks: tuple[Network, ...] = Field(
        (), description="Networks that are on campus, separated by commas; everything else is off campus."
    )
    trusted_proxies: tuple[Network, ...] = Field(
        (), description="Networks of the reverse proxies whose X-Forwarded-For is believed, separated by commas."
    )
    no_proxy: bool = Field(
        default=False,
        description="Whether no proxy stands in front: members connect to this program directly. Production with an"
        " https origin needs this or TEGATA_TRUSTED_PROXIES.",
    )
    dotted_mail_domains: tuple[str, ...] = Field(
        ("docomo.ne.jp", "ezweb.ne.jp"),
        description="Mail domains of carriers whose addresses may have two dots in a row, or one before the @;"
        " separated by commas.",
    )
    guarded_mail_domains: tuple[str, ...] = Field(
        (), description="Mail domains whose mailbox this login protects, separated by commas."
    )
    guarded_mail: Literal["warn", "refuse"] = Field(
        "warn", description="What an address in such a domain gets: `warn` or `refuse`."
    )
    login_notices: Literal["new-browser", "never"] = Field(
        "new-browser",
        description="Which logins are told to all contacts of an account: from a `new-browser` and with a soft token"
        " or IC card, or `never`.",
    )
    card_cas: Path | None = Field(
        None, description="The CAs whose IC cards are taken, as certificates in one file (PEM); empty for no IC cards."
    )
    card_intermediates: Path | None = Field(
        None, description="The CAs in between that sign cards, as certificates in one file (PEM)."
    )
    card_crls: tuple[Path, ...] = Field(
        (),
        description="The files of the CAs' revocation lists (PEM or DER), separated by commas; read again when"
        " written.",
    )
    card_revocation: Literal["listed", "current"] = Field(
        "listed",
        description="Which IC cards a revocation list keeps out: those `listed`; or, with `current`, all of a CA whose"
        " list is missing or too old as well.",
    )
    card_rule: str = Field(
        "",
        description="How an IC card that nobody bound names its account: a field of the certificate and a pattern with"
        " `(?P<account>…)`, such as san:email=(?P<account>[a-z0-9]+)@example[.]ac[.]jp; empty for not at all.",
    )
    uid_cards: bool = Field(
        default=False,
        description="Whether a card that has only a number may name an account at a kiosk; it proves nothing.",
    )
    time_zone: str = Field("Asia/Tokyo", description="The zone of the times on pages and in mail.")
    service_name: str = Field("Tegata", description="The name on pages, in mail, in Slack and in soft-token apps.")
    service_name_ja: str = Field("", description="The name in Japanese; empty: the same in both languages.")
    help_url: str = Field("", description="Where members find the help desk: a URL or mailto:; shown on each page.")
    help_text_en: str = Field(
        "", description="The help desk's place and hours in English, for a member whom no method lets in."
    )
    help_text_ja: str = Field(
        "", description="The help desk's place and hours in Japanese, for a member whom no method lets in."
    )
    desk_mail: str = Field(
        "",
        description="The help desk's mail address, which gets a letter when a member says `This was not me`, an"
        " address is refused, or a contact can't be reached any more; empty for no letter.",
    )
    desk_slack: str = Field(
        "",
        description="The id of the help desk's Slack channel, C… or G…, which gets the same message; invite the app"
        " there. Empty for no message.",
    )
    matrix_signs: Literal[1, 2] = Field(2, description="Signs in a cell of a new matrix card, 1 or 2.")
    matrix_weak_imports: bool = Field(
        default=False,
        description="Whether matrix cards may be imported whose three cells hold less than 20 bits, such as those of"
        " one sign a cell.",
    )
    matrix_strict: bool = Field(default=False, description="Whether no cell of a matrix card is asked twice.")
    # OWASP's argon2id setting with the least memory: 19 MiB, 2 passes, 1 lane.
    argon2_memory: Annotated[int, Field(ge=8, le=4194304)] = Field(
        19456, description="argon2id memory in KiB; hashes are renewed at the next login after a change."
    )
    argon2_passes: Annotated[int, Field(ge=1, le=64)] = Field(2, description="argon2id passes.")
    argon2_lanes: Annotated[int, Field(ge=1, le=64)] = Field(1, description="argon2id lanes.")
    argon2_threads: Annotated[int, Field(ge=0, le=256)] = Field(
        0, description="Passwords hashed at once, each with its memory; 0 for one a core."
    )
    audit_days: Annotated[int, Field(ge=0, le=36500)] = Field(
        730,
        description="How many days the audit's events are kept: older sealed segments are dropped whole; 0 for ever.",
    )
    log_format: Literal["console", "json"] = Field("console", description="`console` or `json`, to standard error.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")

    @field_validator("campus_networks", "trusted_proxies", "mail_front_servers", mode="before")
    @classmethod
    def _networks(cls, value: object) -> tuple[Network, ...]:
        return tuple(ip_network(part, strict=False) for part in _parts(value))

    @field_validator("guarded_mail_domains", "dotted_mail_domains", mode="before")
    @classmethod
    def _domains(cls, value: object) -> tuple[str, ...]:
        try:
            return tuple(host_of(part.casefold()) for part in _parts(value))
        except UnacceptableError as error:
            message = "write domains, such as example.ac.jp, separated by commas"
            raise ValueError(message) from error

    @field_validator("slack_teams", mode="before")
    @classmethod
    def _teams(cls, value: object) -> tuple[str, ...]:
        return tuple(_parts(value))

    @field_validator("card_crls", mode="before")
    @classmethod
    def _files(cls, value: object) -> tuple[Path, ...]:
        return tuple(Path(part) for part in _parts(value))

    @field_validator("card_rule")
    @classmethod
    def _rule(cls, value: str) -> str:
        if value:
            rule_of(value)
        return value

    @field_validator("slack_api_url")
    @classmethod
    def _slack_api(cls, value: str) -> str:
        parsed = urlsplit(value)
        if parsed.scheme not in {"http", "https"} or not parsed.hostname or parsed.query or parsed.fragment:
            message = "write it as https://slack.com/api/"
            raise ValueError(message)
        return value.rstrip("/") + "/"

    @field_validator("origin")
    @classmethod
    def _origin(cls, value: str) -> str:
        if not value:
            return value
        parsed = urlsplit(value)
        if parsed.scheme not in {"http", "https"} or not parsed.hostname:
            message = "write it as https://HOST, or https://HOST:PORT"
            raise ValueError(message)
        if parsed.path.strip("/") or parsed.query or parsed.fragment or parsed.username:
            message = "it ends after the host and port: no path, no question mark, no user"
            raise ValueError(message)
        # As browsers write it (RFC 6454, 6.1): a small host in A-labels, and no port where it is the scheme's own.
        try:
            host = f"[{parsed.hostname}]" if ":" in parsed.hostname else host_of(parsed.hostname)
            port = parsed.port
        except ValueError as error:
            message = "write it as https://HOST, or https://HOST:PORT"
            raise ValueError(message) from error
        is_default = port is None or port == {"http": 80, "https": 443}[parsed.scheme]
        return f"{parsed.scheme}://{host}" if is_default else f"{parsed.scheme}://{host}:{port}"

    @field_validator("mail_domain")
    @classmethod
    def _mail_domain(cls, value: str) -> str:
        if not value:
            return value
        try:
            return domain_of(address_of(f"reply@{value.strip()}"))
        except UnacceptableError as error:
            message = "write a domain, such as tegata.example.ac.jp"
            raise ValueError(message) from error

    @field_validator("desk_mail")
    @classmethod
    def _desk(cls, value: str) -> str:
        if not value.strip():
            return ""
        try:
            return address_of(value.strip())
        except UnacceptableError as error:
            message = "write an address, such as helpdesk@example.ac.jp"
            raise ValueError(message) from error

    @field_validator("desk_slack")
    @classmethod
    def _desk_channel(cls, value: str) -> str:
        if value and not re.fullmatch("[CG][A-Z0-9]{2,30}", value):
            message = "write the channel's id, such as C0123456789: Slack shows it at the end of the channel's details"
            raise ValueError(message)
        return value

    @field_validator("listen", "metrics_listen", "mail_listen", "lmtp_listen", "dns_resolver", "slack_listen")
    @classmethod
    def _listen(cls, value: str) -> str:
        if value:
            listen_of(value)
        return value

    @field_validator("help_url")
    @classmethod
    def _help(cls, value: str) -> str:
        # It becomes a link on every page.
        if value and urlsplit(value).scheme not in {"http", "https", "mailto"}:
            message = "write it as https://… or mailto:…"
            raise ValueError(message)
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str) -> str:
        if value and not is_sender(value):
            message = "write it as name@domain, or Name <name@domain>"
            raise ValueError(message)
        domain = parseaddr(value)[1].rpartition("@")[2]
        try:
            # Mail servers take no other than A-labels in an envelope (RFC 5321, 2.3.5).
            return value.replace(f"@{domain}", f"@{host_of(domain)}")
        except UnacceptableError as error:
            message = "write an address whose domain the DNS can hold"
            raise ValueError(message) from error

    @field_validator("mail_authserv_id")
    @classmethod
    def _authserv(cls, value: str) -> str:
        try:
            return host_of(value)
        except UnacceptableError as error:
            message = "write the server's name, such as mx.example.ac.jp"
            raise ValueError(message) from error

    @field_validator("service_name", "service_name_ja")
    @classmethod
    def _service(cls, value: str, field: ValidationInfo) -> str:
        named = value.strip()
        shortest = 0 if field.field_name == "service_name_ja" else 1
        # It stands in titles of pages and subjects of letters.
        if not shortest <= len(named) <= _LONGEST_SERVICE or not named.isprintable():
            message = f"write a name of 1 to {_LONGEST_SERVICE} characters in one line"
            raise ValueError(message)
        return named

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError) as error:
            message = "name a zone such as Asia/Tokyo"
            raise ValueError(message) from error
        return value

    @property
    def address_rules(self) -> AddressRules:
        """What may be a member's mail address here."""
        return AddressRules(self.dotted_mail_domains, self.mail_domain, takes_machines=self.mode is Mode.DEMO)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of what is shown."""
        return ZoneInfo(self.time_zone)

    @property
    def has_slack(self) -> bool:
        """Whether there is a Slack app to be the bot of."""
        return bool(self.slack_bot_token)

    @property
    def is_slack_called_out(self) -> bool:
        """Whether the bot opens a socket to Slack, instead of Slack calling in."""
        return self.slack_mode == "socket" or (not self.slack_mode and bool(self.slack_app_token))

    @property
    def is_secure(self) -> bool:
        """Whether members come by HTTPS, so that cookies can be bound to it."""
        return self.origin.startswith("https://")

    def service_in(self, language: str) -> str:
        """Give the service's name in a language."""
        return (self.service_name_ja or self.service_name) if language == "ja" else self.service_name


def is_sender(value: str) -> bool:
    """Tell whether a header `From` can be made of this: one address with a domain, and no line's end."""
    local, at, domain = parseaddr(value)[1].rpartition("@")
    return bool(local and at and domain) and value.isprintable()


def listen_of(value: str) -> Listen:
    """Read HOST:PORT, `[::1]:8080` included; a ValueError says how to write it."""
    host, separator, port = value.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > _LAST_PORT:
        message = "write it as HOST:PORT, such as 127.0.0.1:8080"
        raise ValueError(message)
    return Listen(host.strip("[]"), int(port))


def load(environment: Mapping[str, str] | None = None, **overrides: object) -> Settings:
    """Read the settings: overrides, then `TEGATA_*`, then the file `tegata.toml` or the one TEGATA_CONFIG names.

    A SettingsError has one line for each setting that is unknown or can't be read, and no secret.
    """
    source = os.environ if environment is None else environment
    given = {**_from_file(source), **_from_environment(source), **overrides}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(problem) for problem in error.errors())) from None


def described(settings: Settings) -> list[tuple[str, str, str]]:
    """List each setting's variable, its value (secrets hidden) and its meaning."""
    return [
        (variable(name), _shown(settings, name), str(field.description))
        for name, field in Settings.model_fields.items()
    ]


def variable(name: str) -> str:
    """Name the environment variable of a setting."""
    return PREFIX + name.upper()


def is_secret(name: str) -> bool:
    """Tell whether a setting is never shown, and may stand in a file of its own (`…_FILE`)."""
    return Settings.model_fields[name].json_schema_extra in (SECRET, HIDDEN)


def default_of(name: str) -> str:
    """Write a setting's default as an operator would."""
    return _written(Settings.model_fields[name].default)


def file_with_secrets(environment: Mapping[str, str] | None = None) -> Path | None:
    """Name the file that settings were read from if a password or a token stands in it; None otherwise."""
    source = os.environ if environment is None else environment
    secrets = (value for name, value in _from_file(source).items() if is_secret(name))
    return _config_path(source) if any(_tells_a_secret(str(value)) for value in secrets) else None


def _tells_a_secret(value: str) -> bool:
    # The URL of a file, or of a server that asks nobody, may be read by all.
    return "://" not in value or urlsplit(value).password is not None


def _from_environment(source: Mapping[str, str]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for key, value in source.items():
        if not key.startswith(PREFIX) or key == CONFIG:
            continue
        name = key.removeprefix(PREFIX).lower()
        if name in Settings.model_fields:
            given[name] = value
            continue
        secret = name.removesuffix("_file")
        if secret == name or secret not in Settings.model_fields or not is_secret(secret):
            raise SettingsError(_unknown(key, _variables()))
        if variable(secret) in source:
            message = f"{variable(secret)}: {key} is set as well; keep one of the two."
            raise SettingsError(message)
        given[secret] = _read_secret(key, Path(value))
    return given


def _from_file(source: Mapping[str, str]) -> dict[str, Any]:
    path = _config_path(source)
    if not source.get(CONFIG) and not path.is_file():
        return {}
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path}: the settings can't be read ({_why(error)})."
        raise SettingsError(message) from error
    for name in given:
        if name not in Settings.model_fields:
            message = f"{path}: {_unknown(name, list(Settings.model_fields))}"
            raise SettingsError(message)
    return given


def _config_path(source: Mapping[str, str]) -> Path:
    named = source.get(CONFIG)
    return Path(named) if named else DEFAULT_CONFIG


def _read_secret(key: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        message = f"{key}: {path} can't be read ({_why(error)})."
        raise SettingsError(message) from error


def _why(error: Exception) -> str:
    """Say what is wrong with a file; never what stands in it."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return str(getattr(error, "strerror", None) or error)


def _variables() -> list[str]:
    secrets = [f"{variable(name)}_FILE" for name in Settings.model_fields if is_secret(name)]
    return [variable(name) for name in Settings.model_fields] + secrets + [CONFIG]


def _unknown(key: str, known: list[str]) -> str:
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0)[0]
    return f"{key}: there is no such setting. Did you mean {nearest}?"


def _sentence(problem: ErrorDetails) -> str:
    name = str(problem["loc"][0]) if problem["loc"] else "settings"
    return f"{variable(name)}: {problem['msg'].removeprefix('Value error, ')}."


def _parts(value: object) -> list[str]:
    if isinstance(value, str):
        return [part for part in value.replace(",", " ").split() if part]
    if isinstance(value, list | tuple):
        return [str(part) for part in value]
    message = "write them separated by commas"
    raise ValueError(message)


def _shown(settings: Settings, name: str) -> str:
    if Settings.model_fields[name].json_schema_extra == HIDDEN:
        return "(hidden)" if getattr(settings, name) else ""
    if is_secret(name):
        return _without_password(str(getattr(settings, name)))
    return _written(getattr(settings, name))


def _without_password(url: str) -> str:
    try:
        parsed = urlsplit(url)
    except ValueError:
        return "(hidden)"
    # PostgreSQL takes a password behind the question mark as well.
    if "password" in parsed.query.casefold():
        parsed = parsed._replace(query="(hidden)")
    if parsed.username is None and parsed.password is None:
        return parsed.geturl() if parsed.query == "(hidden)" else url
    return parsed._replace(netloc=f"(hidden)@{parsed.netloc.rpartition('@')[2]}").geturl()


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(part) for part in value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
