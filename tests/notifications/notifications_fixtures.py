"""A log that remembers, and a real HTTP server, for each test."""

from collections.abc import Iterator

import pytest
from notifications_support import MemoryLog, Receiver


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()
