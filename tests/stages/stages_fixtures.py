"""Owns what the tests of stages share: files that need not grow old before they are believed."""

import pytest


@pytest.fixture(autouse=True)
def _no_file_is_young(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file that was changed just now it cannot be told whether it has been changed since."""
    monkeypatch.setattr("evolve_ai.system.moment._NANOSECONDS", -1)
    monkeypatch.setattr("evolve_ai.stages.agent_scan_update.are_ticks", lambda folder: False)
