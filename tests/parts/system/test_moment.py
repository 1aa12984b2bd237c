"""Tests of when an unchanged time proves that a file is unchanged."""

import time

import pytest

from evolve_ai.system.moment import Moment


@pytest.mark.parametrize("ago", [2.1, 60.0, 1e9])
def test_what_was_changed_long_ago_is_settled(ago: float) -> None:
    assert Moment().are_proof(time.time_ns() - int(ago * 1e9))


@pytest.mark.parametrize("ago", [0.0, 0.9, 1.5, -1e6])
def test_what_was_changed_just_now_or_in_the_future_is_not(ago: float) -> None:
    young = time.time_ns() - int(ago * 1e9)
    assert not Moment().are_proof(young)
    assert not Moment().are_proof(1, young)


def test_moment_is_when_the_look_began() -> None:
    """A file that is changed after it must not seem old because the look took long."""
    moment = Moment()
    assert not moment.are_proof(time.time_ns() - 1_900_000_000)
