"""The documentation names files that are there."""

import re
from pathlib import Path

import pytest

from tests.support.paths import ROOT

_PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_FOLDERS = "bench|bot|cli|demo|deploy|docs|hub|mail_gateway|models|reader_kiosk|scripts|tests|web"
_FILE = re.compile(rf"`((?:{_FOLDERS})/[\w./-]*\w)\b")


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.name)
def test_a_page_names_files_that_are_there(page: Path) -> None:
    """A file that moved is named by its new path."""
    named = _FILE.findall(page.read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_design_page_names_many_files() -> None:
    """The pattern finds what it should."""
    assert len(_FILE.findall((ROOT / "docs" / "design.md").read_text(encoding="utf-8"))) > 30
