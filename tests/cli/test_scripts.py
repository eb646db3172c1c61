"""The scripts on a machine where something else is going on."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import ROOT

_LOCKED = "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 4711 (apt-get)"
_APT = """\
#!/bin/sh
echo "$*" >> "$SEEN"
case " $* " in *" update "*) test $(grep -c update "$SEEN") -gt "$FAILS" || {{ echo "{told}" >&2; exit 100; }};; esac
"""


def run(folder: Path, told: str, fails: int) -> tuple[int, list[str], str]:
    """Ask for a package with an apt that fails at first; gives the code, what apt was asked, and what was said."""
    tools = {"apt-get": _APT.format(told=told), "dpkg-query": "#!/bin/sh\nexit 1\n", "sleep": "#!/bin/sh\n"}
    tools["sudo"] = '#!/bin/sh\nshift\nexec "$@"\n'
    for name, text in tools.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    seen = folder / "seen"
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "SEEN": str(seen), "FAILS": str(fails)}
    command = ["bash", "-c", f". {ROOT / 'scripts' / '_environment'}; debian pcscd"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, seen.read_text().splitlines(), done.stderr


def test_another_apt_that_has_the_lists_is_waited_for(tmp_path):
    """Apt itself waits for dpkg's lock only; here it is asked again until the lists are free."""
    code, asked, _ = run(tmp_path, _LOCKED, fails=2)
    assert code == 0
    assert [one.split()[0] for one in asked] == ["update", "update", "update", "-o"]
    assert "DPkg::Lock::Timeout=300" in asked[-1]


@pytest.mark.parametrize("told", ["E: Failed to fetch http://deb.example", "E: The repository is not signed."])
def test_what_no_waiting_mends_is_said_at_once(tmp_path, told):
    """The reason, and the command to type."""
    code, asked, said = run(tmp_path, told, fails=9)
    assert code == 1
    assert len(asked) == 1
    assert told in said
    assert "sudo apt-get install pcscd" in said
