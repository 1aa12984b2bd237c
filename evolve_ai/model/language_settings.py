"""The options of the languages."""

from collections.abc import Mapping
from typing import Literal

from evolve_ai.model.setting import Section, member


class RustLanguageOptions(Section):
    """Files of .rs, compiled by rustc and cargo."""

    name: Literal["rust"] = member("rust")


class PythonLanguageOptions(Section):
    """Files of .py, run by an interpreter."""

    name: Literal["python"] = member("python")


class CLanguageOptions(Section):
    """Files of .c and .h, compiled by gcc or clang."""

    name: Literal["c"] = member("c")


class CppLanguageOptions(Section):
    """Files of .cpp and its kin, compiled by g++ or clang++."""

    name: Literal["cpp"] = member("cpp")


class JavaScriptLanguageOptions(Section):
    """Files of .js, run by Node.js."""

    name: Literal["javascript"] = member("javascript")


class TypeScriptLanguageOptions(Section):
    """Files of .ts, run by Node.js 22.18 or newer."""

    name: Literal["typescript"] = member("typescript")


class GoLanguageOptions(Section):
    """Files of .go, compiled by go."""

    name: Literal["go"] = member("go")


# The names of languages and their options.
LANGUAGES: Mapping[str, type[Section]] = {
    "rust": RustLanguageOptions,
    "python": PythonLanguageOptions,
    "c": CLanguageOptions,
    "cpp": CppLanguageOptions,
    "javascript": JavaScriptLanguageOptions,
    "typescript": TypeScriptLanguageOptions,
    "go": GoLanguageOptions,
}
