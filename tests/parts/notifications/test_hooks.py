"""Hooks: called for their kind, in order, and never able to end or hold up a cycle."""

import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from notifications_support import MemoryLog, events, eventually, recorded

from evolve_ai.model.errors import PluginError
from evolve_ai.model.event import Kind
from evolve_ai.notifications.hooks import Hooks, load_hooks


def test_hook_gets_the_events_of_its_kind_in_order(log: MemoryLog) -> None:
    deaths: list[Any] = []
    every: list[Any] = []
    hooks = Hooks({"death": [deaths.append], "*": [every.append]}, log)
    hooks.deliver([recorded(1), recorded(2, Kind.DEATH, cause="age"), recorded(3, Kind.DEATH)])
    hooks.close()
    assert [event["seq"] for event in every] == [1, 2, 3]
    assert [event["seq"] for event in deaths] == [2, 3]
    assert deaths[0] == recorded(2, Kind.DEATH, cause="age").line()


def test_raising_hook_is_reported_and_called_again(log: MemoryLog) -> None:
    calls: list[int] = []

    def broken(event: dict[str, Any]) -> None:
        calls.append(event["seq"])
        raise SystemExit("no more")

    hooks = Hooks({"*": [broken]}, log)
    hooks.deliver(events(1, 3))
    hooks.close()
    assert calls == [1, 2, 3]
    reports = log.named("hook raised")
    assert [report["seq"] for report in reports] == [1, 2, 3]
    assert "broken" in reports[0]["hook"]
    assert "no more" in reports[0]["trace"]


def test_slow_hook_loses_events_that_are_counted_and_delays_no_other(log: MemoryLog) -> None:
    gate = threading.Event()
    quick: list[Any] = []
    hooks = Hooks({"*": [lambda event: gate.wait(30), quick.append]}, log, room=50)
    for first in range(1, 500, 10):
        hooks.deliver(events(first, first + 9))
        assert eventually(lambda first=first: len(quick) == first + 9)
    assert hooks.dropped >= 449 - 50
    assert log.named("events dropped")[-1]["in_all"] == hooks.dropped
    gate.set()
    hooks.close()


def test_hooks_that_never_return_hold_up_no_end(log: MemoryLog) -> None:
    forever = threading.Event()
    heard: list[Any] = []
    try:
        hooks = Hooks({"*": [lambda event: forever.wait()] * 20 + [heard.append]}, log)
        hooks.deliver(events(1, 5))
        begun = time.monotonic()
        hooks.close()
        assert time.monotonic() - begun < 20 * 3.0, "one wait for all of them, not one for each"
        assert [event["seq"] for event in heard] == [1, 2, 3, 4, 5]
        assert len(hooks.lost()) == 20
        assert all("5 events not delivered" in told for told in hooks.lost())
    finally:
        forever.set()


def test_hook_is_found_by_dotted_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_hooks_of_test.py").write_text("def tell(event):\n    return event\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = load_hooks({"death": ["my_hooks_of_test:tell"]}, tmp_path)
    assert found["death"][0]({"seq": 1}) == {"seq": 1}
    del sys.modules["my_hooks_of_test"]


def test_hook_of_an_installed_package_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "installed_hooks_of_test.py").write_text("def tell(event):\n    return 'told'\n")
    facts = tmp_path / "installed_hooks-1.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: installed-hooks\nVersion: 1\n")
    (facts / "entry_points.txt").write_text(
        "[evolve_ai.hooks]\ndeath.tell = installed_hooks_of_test:tell\n"
        "all = installed_hooks_of_test:tell\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = load_hooks({}, tmp_path)
    assert set(found) == {"death", "*"}
    assert found["death"][0]({}) == "told"


@pytest.mark.parametrize("name", ["no_such_module:tell", "json:no_such_name", "json:__name__"])
def test_name_that_leads_nowhere_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=name):
        load_hooks({"birth": [name]}, tmp_path)
