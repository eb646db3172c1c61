"""What an operator installs holds every file that the program needs."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

_TOPS = ("bot", "cli", "demo", "hub", "mail_gateway", "models", "reader_kiosk", "web")
_NEEDED = (".py", ".po", ".html", ".txt", ".css", ".js", ".svg")


def test_an_installation_holds_every_file_of_the_program(tmp_path: Path) -> None:
    """It is installed as docs/operating.md says, without `-e`, and compared with the sources."""
    source, target = tmp_path / "source", tmp_path / "target"
    for top in _TOPS:
        shutil.copytree(ROOT / top, source / top, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    install = ["pip", "install", "-q", "--no-deps", "--target", str(target), str(source)]
    done = subprocess.run([sys.executable, "-m", *install], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    needed = [file.relative_to(source) for top in _TOPS for file in (source / top).rglob("*") if file.suffix in _NEEDED]
    assert len(needed) > 300
    assert [str(file) for file in needed if not (target / file).exists()] == []
