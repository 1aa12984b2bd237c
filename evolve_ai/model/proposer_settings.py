"""The options of the built-in proposers: the tables `[[proposers]]` of task.toml."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from evolve_ai.model.setting import Section, setting


def _weight() -> float:
    number: float = setting(
        1.0,
        "how readily it is asked at first; credit changes that",
        low=0,
        high=1e6,
        form="a number",
    )
    return number


class SyntaxOptions(Section):
    """Edits of syntax trees, by the grammar of each language."""

    name: Literal["syntax"] = "syntax"
    weight: float = _weight()
    edits: int = setting(1, "edits of a usual step", unit="edits", low=1, high=64)


class ConstantsOptions(Section):
    """Numeric literals, as a vector of numbers."""

    name: Literal["constants"] = "constants"
    weight: float = _weight()
    most: int = setting(
        64, "numeric literals that are looked at", unit="literals", low=1, high=4096
    )


class CrossoverOptions(Section):
    """Functions and statements of two parents."""

    name: Literal["crossover"] = "crossover"
    weight: float = _weight()


class CommandOptions(Section):
    """A program of your own that makes candidates."""

    name: Literal["command"] = "command"
    weight: float = _weight()
    command: Annotated[tuple[str, ...], Field(strict=False)] = setting(
        ..., "gets a brief as JSON on stdin, prints files as JSON", form="a list of words"
    )
    seconds: float = setting(60.0, "it may take", unit="seconds", low=0.1, high=86_400)


ProposerChoice = Annotated[
    SyntaxOptions | ConstantsOptions | CrossoverOptions | CommandOptions,
    Field(discriminator="name"),
]

# The names of proposers and their options.
PROPOSERS: Mapping[str, type[Section]] = {
    "syntax": SyntaxOptions,
    "constants": ConstantsOptions,
    "crossover": CrossoverOptions,
    "command": CommandOptions,
}
