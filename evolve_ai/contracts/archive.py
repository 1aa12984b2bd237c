"""The contract of an archive: it decides who may be a parent. Ask and tell, as in pyribs."""

import random
from collections.abc import Mapping
from typing import Any, Protocol

from evolve_ai.model.brief import Choice, Placement
from evolve_ai.model.candidate import Entry


class Archive(Protocol):
    """Deterministic: the same tells, asks and draws give the same answers. Whoever has no score is
    never told. Time and memory of a call do not grow with the number of candidates told."""

    name: str

    # Does it look at Entry.shape, which takes time to compute?
    uses_shape: bool

    # Parents for candidate `number`. Called only after the first tell. It changes nothing in
    # `state`, so that a search that is resumed may ask again.
    def ask(self, number: int, rng: random.Random) -> Choice: ...

    # Called once for each candidate with a score, in order of number.
    def tell(self, entry: Entry) -> Placement: ...

    # The numbers of those that it may still name, best first where there is an order.
    def members(self) -> tuple[int, ...]: ...

    # A search that stagnates asks for something else: restart an island, widen choice. Answers in
    # a few words what was done; "" where nothing can be.
    def stir(self, number: int, rng: random.Random) -> str: ...

    # All that decides its answers, as plain values (dict, list, str, int, float, None); `restore`
    # takes it back in a new archive with the same options.
    def state(self) -> Mapping[str, Any]: ...

    def restore(self, state: Mapping[str, Any]) -> None: ...
