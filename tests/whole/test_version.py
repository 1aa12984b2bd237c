"""The version that the command tells is the one that the news are about."""

import re
from pathlib import Path

from commands import evolve

from evolve_ai import __version__

ROOT = Path(__file__).parents[2]


def test_version_is_that_of_the_news() -> None:
    newest = re.search(
        r"^## (\S+)( \(unreleased\))?$", (ROOT / "NEWS.md").read_text(), re.MULTILINE
    )
    assert newest is not None
    expected = f"{newest[1]}.dev0" if newest[2] else newest[1]
    assert __version__ == expected
    assert expected in evolve("--version").out


def test_the_readme_ends_no_process_by_a_broad_name() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    told = "".join(page.read_text() for page in pages)
    assert not re.search(r"pkill|killall|pgrep", told)
