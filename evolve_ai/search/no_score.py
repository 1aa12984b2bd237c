"""Says why a search has nothing to begin with: its initial program has no score."""

import shlex

from evolve_ai.model.errors import EvolveError, NoScoreError, ToolchainError
from evolve_ai.model.trial import Cause, Fault
from evolve_ai.search.parts import LanguageOf, SearchParts

# Evaluators that miss a compiler or an interpreter fail in one of these ways.
_BY_TOOLS = (Cause.CRASH, Cause.BUILD, Cause.NO_RESULT)


def no_score(fault: Fault, parts: SearchParts) -> EvolveError:
    """The error of a search whose initial program has this fault: a ToolchainError where that can
    be since what runs the language of its main file is missing."""
    words = f"the initial program has no score: {fault.cause}: {fault.reason}"
    missing = missing_tools(fault, parts.files.main, parts.language_of)
    if missing is None:
        check = shlex.join(["evolve", "check", str(parts.folder or "FOLDER")])
        return NoScoreError(words, todo=f"{check} shows what the evaluator printed")
    return ToolchainError(f"{words}; {missing.what}", todo=missing.todo)


def missing_tools(fault: Fault, main: str, language_of: LanguageOf) -> ToolchainError | None:
    """What the language of this file says of its toolchain, where that can be the cause."""
    language = language_of(main)
    if language is None or fault.cause not in _BY_TOOLS:
        return None
    try:
        language.toolchain()
    except ToolchainError as error:
        return error
    return None
