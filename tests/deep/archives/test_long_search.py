"""Archives that are told very many candidates: a call costs what it did, the state stays small."""

import json
import random
import time

import pytest
from archive_support import KINDS, archive

from evolve_ai.model.archive_settings import ARCHIVES
from evolve_ai.model.candidate import Entry

TOLD = 20_000
PART = 2_000
SHAPE = 300  # hashes of a program
MOST_MS = 3.0  # of a tell and an ask, on a busy machine; on a quiet one a tenth of it


def entries(first: int, rng: random.Random) -> list[Entry]:
    common = frozenset(range(SHAPE - 20))
    return [
        Entry(
            number,
            (rng.random() + number / TOLD, rng.random()),
            {"size": rng.random() * (100 + number), "complexity": rng.random() * 50},
            common | {rng.randrange(10**12) for _ in range(20)},
            (float(rng.randrange(9)), float(rng.randrange(9))),
            (),
            rng.randrange(4),
        )
        for number in range(first, first + PART)
    ]


@pytest.mark.parametrize("kind", [*ARCHIVES, "top of 3", "grid"])
def test_calls_cost_no_more_after_many_candidates(kind: str) -> None:
    assert kind in KINDS
    to, rng, spent, sizes = archive(kind), random.Random(1), [], []
    for first in range(0, TOLD, PART):
        some = entries(first, rng)
        begun = time.process_time()
        for one in some:
            to.tell(one)
            to.ask(one.number + 1, rng)
        spent.append((time.process_time() - begun) / PART)
        sizes.append(len(json.dumps(to.state())))
    assert min(spent[-4:]) < 2.0 * max(spent[1:4]), spent
    assert min(spent) * 1000 < MOST_MS
    assert max(sizes[-3:]) < 1.3 * max(sizes[2:5]), sizes
