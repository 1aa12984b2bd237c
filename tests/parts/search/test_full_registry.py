"""A registry that may not grow any more, while it is written: nothing is lost, nothing counted
twice."""

from pathlib import Path
from typing import Any

import pytest
from search_support import Searched, SearchUnderTest

from evolve_ai.model.errors import EXIT_FAILED, RegistryError
from evolve_ai.state.search import SearchRegistry

COUNT = 30
BEFORE = 8  # calls that pass
ANY = 4_294_967_294  # pages


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    return SearchUnderTest(tmp_path_factory.mktemp("undisturbed")).run(COUNT)


@pytest.mark.parametrize("name", ["journal_trial", "commit"])
def test_search_whose_registry_is_full_goes_on_with_the_same_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: Searched, name: str
) -> None:
    written, calls = getattr(SearchRegistry, name), 0

    def on_a_full_disk(registry: SearchRegistry, *words: Any) -> Any:
        nonlocal calls
        calls += 1
        (pages,) = registry.connection.execute("PRAGMA page_count").fetchone()
        most = ANY if calls <= BEFORE else pages
        registry.connection.execute(f"PRAGMA max_page_count = {most}")
        try:
            return written(registry, *words)
        finally:
            registry.connection.execute(f"PRAGMA max_page_count = {ANY}")

    search = SearchUnderTest(tmp_path)
    monkeypatch.setattr(SearchRegistry, name, on_a_full_disk)
    with pytest.raises(RegistryError, match="database or disk is full") as told:
        search.run(COUNT)
    assert told.value.exit_code == EXIT_FAILED
    assert "free disk space" in str(told.value)
    monkeypatch.undo()
    again = search.run(COUNT)
    assert again.digest == undisturbed.digest
    assert again.evaluated == undisturbed.evaluated
