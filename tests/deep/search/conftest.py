"""Searches need the keeper: it is compiled once for all of them."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _keeper_is_at_hand(keeper_in_cache: None) -> None:
    """For all tests of this room."""
