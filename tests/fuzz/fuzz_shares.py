"""What the fuzz tests share: how many runs they make, and of which inputs."""

import importlib.util
import random
from collections.abc import Iterator

import pytest
from mutator import mutator
from seeds import seeds
from targets import BEFORE_BODY

PYTHON_RUNS = 3000
SEED = "-seed=1"

needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this Python"
)


def changed(target: str, count: int) -> Iterator[bytes]:
    """The seeds, then others made of them; the same ones each time."""
    rng = random.Random(target)
    pool = seeds(target)
    yield from pool
    mutate = mutator(BEFORE_BODY.get(target, 0))
    for _ in range(count):
        pool.append(mutate(rng.choice(pool), 4096, rng.getrandbits(32)))
        yield pool[-1]
