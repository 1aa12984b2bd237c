"""docs/archives.md has all options of all archives, as the settings say them."""

from made_once import ROOT

from evolve_ai.model.archive_settings import ARCHIVES
from evolve_ai.model.settings_reference import keys_of_member


def test_page_lists_every_option() -> None:
    rows = [
        f"| `{name}` | `{key.key}` | `{key.default}` | {key.allowed} | {key.unit or '–'} | "
        f"{key.meaning} |"
        for name in ARCHIVES
        for key in keys_of_member("archive", name)[1:]
    ]
    page = (ROOT / "docs" / "archives.md").read_text()
    listed = [line for line in page.splitlines() if line.startswith("| `") and line.count("|") == 7]
    assert listed == rows
