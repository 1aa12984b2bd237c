"""The notifier: a sink that fails is isolated, reported once, and heard of when it recovers."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from notifications_support import MemoryLog, Receiver, events

from evolve_ai.model.event import Recorded
from evolve_ai.model.settings import Settings
from evolve_ai.notifications.notifier import Notifier, open_notifier
from evolve_ai.notifications.orchestrator_log import open_log


class Moody:
    """A sink that raises as long as it is told to."""

    name = "moody"

    def __init__(self) -> None:
        self.raises = True
        self.got: list[int] = []

    def deliver(self, events: Sequence[Recorded]) -> None:
        if self.raises:
            raise RuntimeError("not today")
        self.got += [event.seq for event in events]

    def close(self) -> None:
        raise RuntimeError("never")


def test_failing_sink_is_isolated_and_reported_once(log: MemoryLog) -> None:
    moody, calm = Moody(), Moody()
    calm.raises, calm.name = False, "calm"
    notifier = Notifier([moody, calm], log)
    notifier.deliver(events(1, 2))
    notifier.deliver(events(3, 4))
    moody.raises = False
    notifier.deliver(events(5, 6))
    notifier.close()
    assert calm.got == [1, 2, 3, 4, 5, 6]
    assert moody.got == [5, 6]
    assert log.named("sink fails") == [
        {"sink": "moody", "kind": "RuntimeError", "reason": "not today"}
    ]
    assert log.named("sink works again") == [{"sink": "moody", "failures": 2}]
    assert len(log.named("sink did not close")) == 2


def test_settings_name_the_sinks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receiver: Receiver
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    settings = Settings.model_validate(
        {
            "hooks": {"*": ["notifier_hooks_of_test:seen"]},
            "sinks": [{"url": receiver.url}],
        }
    )
    (tmp_path / "notifier_hooks_of_test.py").write_text(
        "got = []\ndef seen(event):\n    got.append(event['seq'])\n"
    )
    notifier = open_notifier(settings, tmp_path / "logs")
    notifier.deliver(events(1, 3))
    notifier.close()
    lines = (tmp_path / "logs" / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3]
    assert sys.modules["notifier_hooks_of_test"].got == [1, 2, 3]
    assert [event["seq"] for event in receiver.accepted] == [1, 2, 3]


def test_trouble_is_written_as_json_lines(tmp_path: Path) -> None:
    open_log(tmp_path / "logs").warning("sink fails", sink="x", where=tmp_path)
    entry = json.loads((tmp_path / "logs" / "orchestrator.log").read_text())
    assert entry["event"] == "sink fails"
    assert entry["level"] == "warning"
    assert entry["timestamp"].endswith("Z")


def test_trouble_goes_to_stderr_where_no_log_can_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").write_text("a file is in the way")
    open_log(tmp_path / "logs").warning("sink fails", sink="x")
    assert '"sink fails"' in capsys.readouterr().err


def test_full_disk_is_told_on_stderr(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "orchestrator.log").symlink_to("/dev/full")
    open_log(tmp_path).warning("sink fails", sink="x")
    told = capsys.readouterr().err
    assert "No space left" in told
    assert "sink fails" in told
