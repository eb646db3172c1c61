"""The browser's policy: what it opens, who may write it, and what is wrong with it."""

import json
import os
from importlib.resources import files
from pathlib import Path

import pytest

from reader_kiosk import policy, settings
from reader_kiosk.errors import KioskError
from reader_kiosk.policy import Wanted

WANTED = Wanted("https://portal.example.ac.jp", "http://127.0.0.1:8655", ("https://mail.example.ac.jp:8443",))


@pytest.mark.parametrize(
    ("origin", "pattern"),
    [
        ("https://portal.example.ac.jp", "https://.portal.example.ac.jp:443"),
        ("http://127.0.0.1:8655", "http://127.0.0.1:8655"),
        ("http://localhost:8080", "http://.localhost:8080"),
    ],
)
def test_an_origin_is_allowed_without_the_hosts_below_it(origin: str, pattern: str) -> None:
    """A leading dot means this host alone; the port is always said."""
    assert policy.pattern(origin) == pattern


def test_only_the_hub_the_page_and_named_services_are_opened() -> None:
    """Everything else is blocked."""
    made = json.loads(policy.text(WANTED))
    assert "*" in made["URLBlocklist"]
    assert len(made["URLAllowlist"]) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="the policy belongs to root")
def test_a_policy_that_is_missing_other_or_contradicted_is_found() -> None:
    """Each time the message names the file."""
    folder = Path("/run") / f"kiosk-policy-{os.getpid()}" / "managed"
    try:
        with pytest.raises(KioskError, match="missing"):
            policy.check(WANTED, folder)
        file = policy.write(WANTED, folder)
        policy.check(WANTED, folder)
        with pytest.raises(KioskError, match="not the one"):
            policy.check(Wanted("https://other.example", WANTED.page), folder)
        other = folder / "zz.json"
        other.write_text(json.dumps({"PrintingEnabled": True}))
        with pytest.raises(KioskError, match=r"zz\.json"):
            policy.check(WANTED, folder)
        other.unlink()
        file.chmod(0o666)
        with pytest.raises(KioskError, match="only root"):
            policy.check(WANTED, folder)
    finally:
        for one in folder.glob("*"):
            one.unlink()
        if folder.exists():
            folder.rmdir()
            folder.parent.rmdir()


@pytest.mark.parametrize("written", ["mail.example", "https://mail.example/path", "https://*", "file:///etc", "*"])
def test_a_service_is_named_by_its_origin(written: str) -> None:
    """No path, no pattern, no other scheme."""
    with pytest.raises(KioskError, match="KIOSK_ALSO_OPEN"):
        settings.read({"KIOSK_ALSO_OPEN": written})


def test_a_service_in_its_own_script_is_opened_by_the_name_that_the_browser_uses() -> None:
    """Chromium's filter compares hosts in A-labels."""
    assert settings.read({"KIOSK_ALSO_OPEN": "https://大学.example:8443"}).also_open == (
        "https://xn--pss25c.example:8443",
    )


@pytest.mark.parametrize("page", ["reader_kiosk/static/page.html", "web/templates/base.html"])
def test_no_page_offers_a_translation(page: str) -> None:
    """The browser's bubble would lie over the language button."""
    package, _, name = page.partition("/")
    text = files(package).joinpath(*name.split("/")).read_text("utf-8")
    assert 'translate="no"' in text
    assert '<meta name="google" content="notranslate">' in text


def test_the_policy_turns_the_translation_off() -> None:
    """Chromium offers it for every page that is not in its own language."""
    assert json.loads(policy.text(WANTED))["TranslateEnabled"] is False
