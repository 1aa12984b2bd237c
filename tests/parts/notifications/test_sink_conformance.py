"""What every sink must do, whoever wrote it. A new sink is one more entry in SINKS."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from notifications_support import MemoryLog, Receiver, events, recorded

from evolve_ai.contracts.sink import Sink
from evolve_ai.model.event import Kind
from evolve_ai.notifications.event_log import EventLog
from evolve_ai.notifications.hooks import Hooks
from evolve_ai.notifications.webhook import Webhook

Maker = Callable[[Path, MemoryLog, Receiver], Sink]


def _event_log(folder: Path, log: MemoryLog, receiver: Receiver) -> Sink:
    return EventLog(folder / "events.jsonl", 1 << 16, 3)


def _hooks(folder: Path, log: MemoryLog, receiver: Receiver) -> Sink:
    return Hooks({"*": [lambda event: None], "death": [lambda event: None]}, log)


def _raising_hooks(folder: Path, log: MemoryLog, receiver: Receiver) -> Sink:
    return Hooks({"*": [lambda event: 1 / 0]}, log)


def _slow_hooks(folder: Path, log: MemoryLog, receiver: Receiver) -> Sink:
    return Hooks({"*": [lambda event: time.sleep(60)]}, log, room=100)


def _webhook(folder: Path, log: MemoryLog, receiver: Receiver) -> Sink:
    return Webhook(receiver.url, ["*"], log, timeout=2, retries=1)


def _hanging_webhook(folder: Path, log: MemoryLog, receiver: Receiver) -> Sink:
    receiver.seconds = 30
    return Webhook(receiver.url, ["*"], log, timeout=60, retries=5)


def _refused_webhook(folder: Path, log: MemoryLog, receiver: Receiver) -> Sink:
    receiver.close()
    return Webhook(receiver.url, ["*"], log, timeout=60, retries=50)


SINKS = [
    _event_log,
    _hooks,
    _raising_hooks,
    _slow_hooks,
    _webhook,
    _hanging_webhook,
    _refused_webhook,
]


@pytest.fixture(params=SINKS, ids=lambda maker: maker.__name__.strip("_"))
def sink(
    request: pytest.FixtureRequest, tmp_path: Path, log: MemoryLog, receiver: Receiver
) -> Sink:
    maker: Maker = request.param
    return maker(tmp_path, log, receiver)


def test_sink_has_a_name(sink: Sink) -> None:
    assert sink.name
    sink.close()


def test_delivery_never_holds_up_a_cycle(sink: Sink) -> None:
    started = time.monotonic()
    sink.deliver([])
    for first in range(1, 5000, 1000):
        sink.deliver(events(first, first + 999))
    assert time.monotonic() - started < 2.0
    sink.close()


def test_close_takes_a_few_seconds_at_most_and_may_come_twice(sink: Sink) -> None:
    sink.deliver(events(1, 100))
    started = time.monotonic()
    sink.close()
    sink.close()
    assert time.monotonic() - started < 4.5


def test_delivery_after_close_and_again_raises_nothing(sink: Sink) -> None:
    sink.deliver(events(1, 10))
    sink.deliver(events(1, 10))
    sink.close()
    sink.deliver(events(11, 12))


def test_every_kind_and_any_value_is_taken(sink: Sink) -> None:
    odd = {"path": Path("/x"), "bytes": b"\xff", "text": "\ud800 ü \n", "number": float("nan")}
    sink.deliver([recorded(seq, kind, **odd) for seq, kind in enumerate(Kind, start=1)])
    sink.close()
