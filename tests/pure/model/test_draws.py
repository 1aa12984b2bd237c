"""Tests of keyed chance."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from evolve_ai.model.draws import Draws

keys = st.lists(st.integers() | st.uuids().map(str), max_size=3)


@given(st.integers(), st.text("abc", min_size=1), keys)
def test_draw_depends_on_its_key_only(seed: int, purpose: str, key: list[object]) -> None:
    one, other = Draws(seed), Draws(seed)
    other.rng("something", "else").random()
    assert one.rng(purpose, *key).random() == other.rng(purpose, *key).random()
    assert one.integer(purpose, *key) == other.integer(purpose, *key)
    assert one.uuid(purpose, *key) == other.uuid(purpose, *key)


def test_draws_differ_by_seed_purpose_and_key() -> None:
    draws = [
        Draws(seed).uuid(purpose, key, other)
        for seed in range(3)
        for purpose in ("a", "b")
        for key in range(3)
        for other in range(3)
    ]
    assert len(set(draws)) == len(draws)


def test_uuid_is_a_canonical_random_one() -> None:
    drawn = Draws(7).uuid("founder", 0)
    assert str(uuid.UUID(drawn)) == drawn
    assert uuid.UUID(drawn).version == 4


@given(st.integers(0, 2**63 - 1))
def test_integer_fits_64_bits(seed: int) -> None:
    assert 0 <= Draws(seed).integer("agent", "x") < 2**64


def test_draws_are_those_of_every_version_of_this_program() -> None:
    """A change here rewrites the history of every project."""
    assert Draws(7).integer("agent", "x") == 15466761763044148634
    assert Draws(7).rng("select", 1).getrandbits(32) == 1733828919
