"""docs/languages.md shows the substrate of scripts as it is."""

import re

import pytest
from conformance_support import SCRIPTS, TESTS

PAGE = (TESTS.parent / "docs" / "languages.md").read_text()
EXCERPTS = re.findall(r"^```py\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
SUBSTRATE = (SCRIPTS / "script_substrate.py").read_text()


@pytest.mark.parametrize("excerpt", EXCERPTS)
def test_excerpt_stands_in_the_substrate(excerpt: str) -> None:
    assert excerpt in SUBSTRATE


def test_what_the_page_names_is_there() -> None:
    assert len(EXCERPTS) >= 4
    for path in re.findall(r"`((?:evolve_ai|tests)/[\w./]+)`", PAGE):
        assert (TESTS.parent / path).exists(), path
