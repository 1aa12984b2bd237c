"""The options of the variations."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from evolve_ai.model.setting import Section, chance, member, setting

Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class StandardOptions(Section):
    """Random founders, crossover of whole gene files (Syswerda 1989), few small mutations."""

    name: Literal["standard"] = member("standard")

    file_active: float = chance(0.7, "a gene file is active in a founder")
    function_active: float = chance(0.35, "a function is active in a founder")
    likely: Mapping[str, Probability] = setting(
        {},
        "functions with another probability than that, by name",
        form="probabilities by name: { speak = 0.7 }",
    )
    mutation_rate: float = setting(
        0.2, "the trait `mutation_rate` of a founder (0..1 as in the genome)", low=0.0, high=1.0
    )
    function_flips: int = setting(
        1, "functions switched on or off in a child", unit="functions", low=0, high=1000
    )
    file_flip: float = chance(0.1, "one gene file is switched on or off in a child")
    order_swap: float = chance(0.3, "two genes of a child change places in the calling order")
    trait_shift: float = setting(
        0.25, "largest shift of a trait, up or down", unit="parts of its range", low=0.0, high=1.0
    )
    trait_share: float = setting(
        0.3, "part of the traits that are shifted in a child", low=0.0, high=1.0
    )
    innovation: float = chance(0.5, "a gene file that is new in the template arrives active")
