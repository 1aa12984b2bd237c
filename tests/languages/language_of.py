"""The built-in languages, by name and by the path of a file."""

from functools import cache
from pathlib import Path

from evolve_ai.contracts.language import Language
from evolve_ai.model.settings import Settings
from evolve_ai.plugins import LANGUAGES
from evolve_ai.system.project import Project


@cache
def language_named(name: str) -> Language:
    return LANGUAGES[name](Project(Path.cwd(), Settings()))


def language_of(path: str) -> Language | None:
    suffix = Path(path).suffix
    return next(
        (one for name in LANGUAGES if suffix in (one := language_named(name)).suffixes), None
    )
