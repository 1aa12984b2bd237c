"""The webhook against a real server that fails, hangs or is not there."""

import time

import pytest
from notifications_support import MemoryLog, Receiver, events, eventually, recorded

from evolve_ai.model.errors import SettingsError
from evolve_ai.model.event import Kind
from evolve_ai.notifications.webhook import Webhook


def _webhook(receiver: Receiver, log: MemoryLog, **changes: object) -> Webhook:
    options = {"timeout": 2.0, "retries": 5, "first_pause": 0.01, **changes}
    return Webhook(receiver.url, ["*"], log, **options)  # type: ignore[arg-type]


def test_server_that_fails_twice_gets_everything_once(receiver: Receiver, log: MemoryLog) -> None:
    receiver.statuses = [500, 503]
    webhook = _webhook(receiver, log)
    webhook.deliver(events(1, 700))
    assert eventually(lambda: len(receiver.accepted) == 700)
    webhook.close()
    assert [event["seq"] for event in receiver.accepted] == list(range(1, 701))
    assert receiver.attempts == 4
    assert not log.entries


def test_only_wanted_kinds_are_posted(receiver: Receiver, log: MemoryLog) -> None:
    webhook = Webhook(receiver.url, ["death"], log, timeout=2, retries=0)
    webhook.deliver([recorded(1), recorded(2, Kind.DEATH)])
    webhook.close()
    assert receiver.accepted == [recorded(2, Kind.DEATH).line()]


def test_refusal_is_not_repeated(receiver: Receiver, log: MemoryLog) -> None:
    receiver.statuses = [403]
    webhook = _webhook(receiver, log)
    webhook.deliver(events(1, 3))
    assert eventually(lambda: bool(log.named("events not accepted")))
    webhook.close()
    assert receiver.attempts == 1
    assert webhook.dropped == 3
    assert log.named("events not accepted")[0]["reason"] == "the answer was 403"


def test_server_that_hangs_is_given_up_and_the_address_is_not_told(
    receiver: Receiver, log: MemoryLog
) -> None:
    receiver.seconds = 1.0
    webhook = _webhook(receiver, log, timeout=0.1, retries=2)
    started = time.monotonic()
    webhook.deliver(events(1, 3))
    assert time.monotonic() - started < 0.1
    assert eventually(lambda: bool(log.named("events not accepted")))
    webhook.close()
    report = log.named("events not accepted")[0]
    assert report["attempts"] == 3
    assert "secret-path" not in str(report)


def test_server_that_is_not_there_is_reported(log: MemoryLog) -> None:
    gone = Receiver()
    gone.close()
    webhook = _webhook(gone, log, retries=3)
    webhook.deliver(events(1, 3))
    assert eventually(lambda: bool(log.named("events not accepted")))
    assert "Refused" in log.named("events not accepted")[0]["reason"]
    webhook.close()


def test_close_flushes_what_waits(receiver: Receiver, log: MemoryLog) -> None:
    receiver.statuses = [500, 500]
    webhook = _webhook(receiver, log, first_pause=20.0)
    webhook.deliver(events(1, 3))
    webhook.close()
    assert len(receiver.accepted) == 3


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/x", "http://127.0.0.1:x/"])
def test_port_that_is_none_is_refused(url: str, log: MemoryLog) -> None:
    with pytest.raises(SettingsError):
        Webhook(url, ["*"], log, timeout=1, retries=0)
