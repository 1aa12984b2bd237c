"""Guards a language of the user's own."""

from collections.abc import Callable, Sequence
from typing import Any

from tree_sitter import Language as Grammar

from evolve_ai.contracts.language import Check
from evolve_ai.guards import values
from evolve_ai.guards.values import instance, text
from evolve_ai.model.comments import Comments
from evolve_ai.model.syntax import Syntax
from evolve_ai.system.guard import Guard, WrongValueError

VERBS = ("grammar", "checks", "toolchain")  # what it must be able to do


class Guarded:
    """Something of the user's own, whose every answer is checked."""

    def __init__(self, guard: Guard, inner: Any):
        self._guard = guard
        self._inner = inner

    def _ask(self, verb: str, check: Callable[[Any], Any], *arguments: Any) -> Any:
        return self._guard.call(verb, lambda: getattr(self._inner, verb)(*arguments), check)

    def _fact(self, name: str, check: Callable[[Any], Any]) -> Any:
        return self._guard.call(name, lambda: getattr(self._inner, name), check)

    def _text(self, verb: str, *arguments: Any) -> str:
        found = self._ask(verb, lambda told: text(told, "a text"), *arguments)
        assert isinstance(found, str)
        return found


class GuardedLanguage(Guarded):
    """Satisfies contracts.language.Language."""

    def __init__(self, guard: Guard, inner: Any):
        super().__init__(guard, inner)
        self.name: str = self._fact("name", lambda it: text(it, "its name"))
        self.suffixes: tuple[str, ...] = self._fact("suffixes", _suffixes)
        self.comments: Comments = self._fact("comments", _comments)
        self.hints: str = self._fact("hints", lambda it: text(it, "its hints"))
        self.syntax: Syntax = self._guard.call(
            "syntax",
            lambda: getattr(inner, "syntax", Syntax()),  # older ones, and those without a grammar
            lambda it: instance(it, Syntax, "its syntax"),
        )

    def grammar(self) -> Grammar | None:
        return self._ask("grammar", _grammar)  # type: ignore[no-any-return]

    def checks(self) -> Sequence[Check]:
        return self._ask("checks", self._checks)  # type: ignore[no-any-return]

    def _checks(self, answer: object) -> tuple[Check, ...]:
        found = []
        for pair in values.items(answer, "checks", 100):
            name, tell = values.items(pair, "parts of a check", 2)
            found.append((text(name, "the name of a check"), self._teller(tell)))
        return tuple(found)

    def _teller(self, tell: Any) -> Callable[[], str]:
        return lambda: self._guard.call("checks", tell, lambda it: text(it, "a detail"))

    def toolchain(self) -> str:
        return self._text("toolchain")


def _suffixes(value: object) -> tuple[str, ...]:
    found = tuple(text(one, "a suffix") for one in values.items(value, "suffixes", 100))
    if not found or not all(one.startswith(".") and len(one) > 1 for one in found):
        raise WrongValueError(f"has the suffixes {found}; each begins with a dot, such as .py")
    return found


def _comments(value: object) -> Comments:
    comments: Comments = instance(value, Comments, "its comments")
    if not comments.line and not all(comments.block):
        raise WrongValueError("has comments that neither end with their line nor have two marks")
    return comments


def _grammar(value: object) -> Grammar | None:
    return None if value is None else instance(value, Grammar, "a grammar")


def guarded_language(guard: Guard, inner: Any) -> GuardedLanguage:
    """PluginError when it is no language."""
    guard.call("__init__", lambda: inner, lambda made: values.offers(made, VERBS, "a language"))
    return GuardedLanguage(guard, inner)
