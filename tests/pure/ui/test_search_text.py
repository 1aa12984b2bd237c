"""Lines about a search."""

from types import SimpleNamespace
from typing import Any

from evolve_ai.ui.search_text import News


def _step(words: str = "", improved: bool = False) -> Any:
    return SimpleNamespace(notes=(words,) if words else (), improved=improved)


def test_same_stagnation_is_told_once_until_something_changes() -> None:
    news = News()
    words = [f"no improvement in {n} candidates: steps are 8 times as large" for n in (2, 4, 6)]
    assert [list(news.of(_step(one))) for one in words] == [[words[0]], [], []]
    other = "no improvement in 8 candidates: island 2 begins anew; steps are 8 times as large"
    assert list(news.of(_step(other))) == [other]
    assert not list(news.of(_step(improved=True)))
    assert list(news.of(_step(other))) == [other]
