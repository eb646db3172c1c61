"""The settings: where they come from, how a mistake is named, what is never shown."""

import re
from pathlib import Path

import pytest

from cli.server import startup_checks
from hub.domain.errors import SettingsError
from hub.settings import Settings, default_of, load, variable
from mail_gateway.settings import relay_address
from tests.support.cli import Shell


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No tegata.toml but the test's own."""
    monkeypatch.chdir(tmp_path)


def refused(**variables: str) -> str:
    """Give the sentence that these variables are refused with."""
    with pytest.raises(SettingsError) as told:
        load({f"TEGATA_{name.upper()}": value for name, value in variables.items()})
    return str(told.value)


def test_a_variable_counts_before_the_file(tmp_path: Path) -> None:
    """The file fills what the variables leave open; TEGATA_CONFIG names another one."""
    Path("tegata.toml").write_text('service_name = "Portal"\nsmtp_connections = 8\ncampus_networks = ["10.0.0.0/8"]\n')
    given = load({"TEGATA_SERVICE_NAME": "東都大学"})
    assert (given.service_name, given.smtp_connections) == ("東都大学", 8)
    assert [str(one) for one in given.campus_networks] == ["10.0.0.0/8"]
    other = tmp_path / "other.toml"
    other.write_text("smtp_connections = 2")
    assert load({"TEGATA_CONFIG": str(other)}).smtp_connections == 2
    assert load({"UNRELATED": "x"}, smtp_connections=3).smtp_connections == 3


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [
        ("ORGIN", "TEGATA_ORIGIN"),
        ("DATABASE", "TEGATA_DATABASE_URL"),
        ("SMTP_URL_FLE", "TEGATA_SMTP_URL_FILE"),
        ("CAMPUS_NETWORK", "TEGATA_CAMPUS_NETWORKS"),
        ("CONFIG_FILE", "TEGATA_CONFIG"),
        ("ORIGIN_FILE", "TEGATA_ORIGIN"),
    ],
)
def test_an_unknown_setting_names_the_nearest_one(wrong: str, nearest: str) -> None:
    """A typing error must not leave a default in place unseen."""
    assert refused(**{wrong: "x"}) == f"TEGATA_{wrong}: there is no such setting. Did you mean {nearest}?"


def test_an_unknown_line_of_the_file_names_the_nearest_one() -> None:
    """In the file's own spelling."""
    Path("tegata.toml").write_text('smtp_ulr = "x"')
    assert refused() == "tegata.toml: smtp_ulr: there is no such setting. Did you mean smtp_url?"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mode", "staging"),
        ("origin", "portal.example.ac.jp"),
        ("origin", "https://portal.example.ac.jp/tegata"),
        ("origin", "https://user@portal.example.ac.jp"),
        ("listen", "8080"),
        ("listen", "127.0.0.1:99999"),
        ("metrics_listen", "nowhere"),
        ("mail_domain", "portal example"),
        ("mail_domain", "reply@portal.example.ac.jp"),
        ("mail_listen", "25"),
        ("lmtp_listen", "127.0.0.1:lmtp"),
        ("mail_kept", "99"),
        ("mail_kept", "plenty"),
        ("dns_resolver", "127.0.0.1"),
        ("login_notices", "always"),
        ("smtp_connections", "0"),
        ("smtp_connections", "many"),
        ("smtp_timeout", ""),
        ("mail_from", "Tegata"),
        ("mail_from", "Tegata <tegata@example.org>\r\nBcc: all@example.org"),
        ("campus_networks", "10.0.0.0/8, campus"),
        ("trusted_proxies", "10.0.0.300"),
        ("guarded_mail", "perhaps"),
        ("service_name", ""),
        ("service_name", " \u3000"),
        ("service_name", "Portal\nBcc: other@mail.test"),
        ("service_name", "x" * 65),
        ("time_zone", "Tokyo"),
        ("time_zone", "../../etc/passwd"),
        ("help_url", "javascript:alert(1)"),
        ("matrix_signs", "3"),
        ("matrix_strict", "sometimes"),
        ("argon2_memory", "1"),
        ("log_level", "loud"),
    ],
)
def test_a_bad_value_is_one_sentence_that_names_its_variable(name: str, value: str) -> None:
    """The operator reads which of thirty settings to look at."""
    said = refused(**{name: value})
    assert said.startswith(f"{variable(name)}: ")
    assert said.endswith(".")
    assert len(said.splitlines()) == 1


def test_every_bad_value_is_told_at_once() -> None:
    """One line each, so that nobody mends them one start after the other."""
    said = refused(listen="x", time_zone="x")
    assert [line.partition(":")[0] for line in said.splitlines()] == ["TEGATA_LISTEN", "TEGATA_TIME_ZONE"]


def test_a_file_that_is_no_toml_is_one_sentence() -> None:
    """With the place, and nothing of what stands there."""
    Path("tegata.toml").write_text("smtp_url = smtp://user:geheim@host\n")
    assert refused().startswith("tegata.toml: the settings can't be read (Invalid value (at line 1")
    assert "geheim" not in refused()
    assert "No such file" in refused(config="nowhere.toml")


def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    """As systemd's and containers' secrets do; both at once is a mistake."""
    file = tmp_path / "smtp"
    file.write_text("smtps://user:geheim@mail.example.org\n")
    assert load({"TEGATA_SMTP_URL_FILE": str(file)}).smtp_url == "smtps://user:geheim@mail.example.org"
    both = refused(smtp_url="smtp://x", smtp_url_file=str(file))
    assert both == "TEGATA_SMTP_URL: TEGATA_SMTP_URL_FILE is set as well; keep one of the two."
    assert (
        refused(smtp_url_file="/nowhere") == "TEGATA_SMTP_URL_FILE: /nowhere can't be read (No such file or directory)."
    )


def test_no_secret_is_ever_shown(shell: Shell) -> None:
    """Not by `tegata settings`, not in a repr, not in an error."""
    shell.set(
        smtp_url="smtps://user:geheim@mail.example.org",
        database_url="postgres://tegata@db/tegata?password=geheim&ssl=true",
    )
    for words in (("settings",), ("settings", "--json"), ("doctor",), ("account", "list"), ("migrate",)):
        told = shell.run(*words)
        assert "geheim" not in told.out + told.err, words
    assert "geheim" not in repr(load())
    shown = {one["variable"]: one["value"] for one in shell.run("settings", "--json").json}
    assert shown["TEGATA_SMTP_URL"] == "smtps://(hidden)@mail.example.org"
    assert shown["TEGATA_DATABASE_URL"] == "postgres://(hidden)@db/tegata?(hidden)"
    shell.set(smtp_timeout="geheim")
    assert "geheim" not in shell.run("settings").err


def test_the_names_that_other_programs_use_stand() -> None:
    """They may grow in number, never change."""
    promised = "database_url origin listen smtp_url mail_from keys_file campus_networks trusted_proxies mode"
    assert set(promised.split()) <= set(Settings.model_fields)
    assert default_of("listen") == "127.0.0.1:8080"


def test_a_mail_domain_is_kept_as_the_doors_compare_it() -> None:
    """In small letters and without what surrounds it, for every recipient is compared with it."""
    assert load({"TEGATA_MAIL_DOMAIN": " Portal.Example.AC.jp "}).mail_domain == "portal.example.ac.jp"
    assert load({"TEGATA_MAIL_LISTEN": "[::1]:2525"}).mail_listen == "[::1]:2525"
    assert load({"TEGATA_MAIL_LISTEN": ""}).mail_listen == ""


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"mail_listen": "127.0.0.1:25"}, "TEGATA_MAIL_DOMAIN"),
        ({"lmtp_listen": "127.0.0.1:24"}, "TEGATA_MAIL_DOMAIN"),
        ({"mail_certificate": "chain.pem"}, "TEGATA_MAIL_CERTIFICATE"),
        ({"mail_certificate_key": "key.pem"}, "TEGATA_MAIL_CERTIFICATE"),
    ],
)
def test_what_the_mail_listeners_need_is_asked_for_before_the_start(given: dict[str, str], missing: str) -> None:
    """A listener without its domain, and half a certificate, are one line each; the whole of it is none."""
    whole = {"origin": "https://portal.test", "mail_from": "t@portal.test"}
    lines = list(startup_checks.missing(load({}, **whole, **given), ["web", "mail_gateway"]))
    assert [line.partition(" ")[0] for line in lines] == [missing]
    rest = {"mail_domain": "portal.test", "mail_certificate": "chain.pem", "mail_certificate_key": "key.pem"}
    assert list(startup_checks.missing(load({}, **whole, **{**rest, **given}), ["web", "mail_gateway"])) == []


@pytest.mark.parametrize(
    ("typed", "origin"),
    [
        ("https://Portal.Example.ac.jp", "https://portal.example.ac.jp"),
        ("https://portal.example.ac.jp:443/", "https://portal.example.ac.jp"),
        ("http://portal.example.ac.jp:80", "http://portal.example.ac.jp"),
        ("https://portal.example.ac.jp:8443", "https://portal.example.ac.jp:8443"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://ポータル.example", "https://xn--5ckzcybvd.example"),
        ("https://ポータル。Example:8443", "https://xn--5ckzcybvd.example:8443"),
        ("https://Bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_is_kept_as_browsers_write_it(typed: str, origin: str) -> None:
    """A browser that says only where a form is from is compared with it."""
    assert Settings(origin=typed).origin == origin


@pytest.mark.parametrize(
    ("name", "written", "kept"),
    [
        ("mail_domain", "大学.example", "xn--pss25c.example"),
        ("mail_from", "ポータル <t@大学.example>", "ポータル <t@xn--pss25c.example>"),
        ("mail_authserv_id", "mx.大学.example", "mx.xn--pss25c.example"),
        ("guarded_mail_domains", "a.example, 大学.example", ("a.example", "xn--pss25c.example")),
        ("dotted_mail_domains", "大学.example", ("xn--pss25c.example",)),
    ],
)
def test_a_host_in_its_own_script_is_kept_as_the_dns_writes_it(name: str, written: str, kept: object) -> None:
    """Headers, addresses and other servers name it in A-labels, and are compared with it."""
    assert getattr(Settings.model_validate({name: written}), name) == kept


@pytest.mark.parametrize("name", ["origin", "mail_from", "mail_authserv_id", "guarded_mail_domains"])
def test_a_host_that_the_dns_can_not_hold_is_refused(name: str) -> None:
    """At the start, with the setting's name."""
    written = {"origin": "https://大学..example", "mail_from": "t@大学..example"}.get(name, "大学..example")
    with pytest.raises(SettingsError, match=f"TEGATA_{name.upper()}"):
        load({}, **{name: written})


def test_the_mail_servers_host_may_be_written_in_its_own_script() -> None:
    """Its certificate names it in A-labels."""
    assert relay_address("smtp://メール.example:25").host == "xn--4dkua4c.example"


LISTENERS = {"origin": "https://portal.test", "mail_from": "t@portal.test", "mail_domain": "portal.test"}


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"metrics_listen": "127.0.0.1:8080"}, "TEGATA_LISTEN TEGATA_METRICS_LISTEN"),
        ({"listen": "0.0.0.0:9464"}, "TEGATA_LISTEN TEGATA_METRICS_LISTEN"),
        ({"mail_listen": "[::]:8080"}, "TEGATA_LISTEN TEGATA_MAIL_LISTEN"),
        ({"mail_listen": "127.0.0.1:24", "lmtp_listen": "127.0.0.1:24"}, "TEGATA_MAIL_LISTEN TEGATA_LMTP_LISTEN"),
        ({"slack_signing_secret": "s", "slack_listen": "127.0.0.1:9464"}, "TEGATA_METRICS_LISTEN TEGATA_SLACK_LISTEN"),
        ({"metrics_listen": "127.0.0.2:8080"}, ""),
        ({"listen": "127.0.0.1:0", "metrics_listen": "127.0.0.1:0"}, ""),
        ({"metrics_listen": "", "mail_listen": "", "lmtp_listen": ""}, ""),
        ({"slack_app_token": "xapp-1", "slack_listen": "127.0.0.1:9464"}, ""),
    ],
)
def test_two_listeners_on_one_port_are_named_before_the_start(given: dict[str, str], names: str) -> None:
    """Both settings are in the line; another address, any free port and a listener that is not opened are well."""
    lines = list(startup_checks.clashing(load({}, **LISTENERS, **given), ("web", "mail_gateway", "bot")))
    assert [re.findall("TEGATA_[A-Z_]+", line) for line in lines] == ([names.split()] if names else [])


def test_a_listener_of_another_process_takes_no_port_here() -> None:
    """A process without the pages may have its metrics where another has the pages."""
    shared = load({}, **LISTENERS, metrics_listen="127.0.0.1:8080")
    assert list(startup_checks.clashing(shared, ("mail_gateway",))) == []
