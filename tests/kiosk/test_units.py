"""The files that make a machine a kiosk, as systemd reads them."""

import re
import shutil
import subprocess

import pytest

from tests.support.paths import ROOT

DEPLOY = ROOT / "deploy"


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="needs systemd's tools")
def test_systemd_makes_both_users(tmp_path):
    """Two users of their own, and neither can log in."""
    folder = tmp_path / "etc" / "sysusers.d"
    folder.mkdir(parents=True)
    shutil.copy(DEPLOY / "tegata-kiosk.sysusers.conf", folder)
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}"], check=True, capture_output=True)
    users = [line.split(":") for line in (tmp_path / "etc" / "passwd").read_text().splitlines()]
    assert {one[0] for one in users} == {"tegata-kiosk", "tegata-browser"}
    assert {one[6] for one in users} == {"/usr/sbin/nologin"}
    assert len({one[2] for one in users}) == 2


def test_the_browsers_unit_leaves_the_session_its_folder():
    """What cage and the browsers write lies in /run/user; the readers and the program's files are out of reach."""
    unit = (DEPLOY / "tegata-browser.service").read_text()
    assert "ProtectHome" not in re.sub(r"(?m)^#.*", "", unit)
    assert "ReadWritePaths=/run/user\n" in unit
    for one in ("/run/pcscd", "/var/lib/tegata-kiosk", "/etc/tegata-kiosk"):
        assert re.search(rf"(?m)^InaccessiblePaths=.*{one}", unit)


@pytest.mark.parametrize("name", ["tegata-browser.service", "tegata-kiosk.service"])
def test_a_unit_is_started_again_however_often_it_ends(name):
    """No limit of starts leaves a kiosk dark."""
    unit = (DEPLOY / name).read_text()
    assert "Restart=always\n" in unit
    assert "StartLimitIntervalSec=0\n" in unit


def test_every_file_that_the_page_installs_is_there():
    """Each line of the page names a file of deploy/, and each file is named."""
    page = (DEPLOY.parent / "docs" / "kiosk.md").read_text()
    named = set(re.findall(r"deploy/([\w.-]+[a-z])", page))
    assert named == {one.name for one in DEPLOY.iterdir()}
    assert not re.search(r"install -m", page)
