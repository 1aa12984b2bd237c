"""A project of an older version goes on as if nothing had been."""

from pathlib import Path

import pytest
from old_registry import CYCLE, DIGEST, LATER, LATER_DIGEST, unpack
from project_support import ProjectUnderTest


@pytest.fixture
def old(tmp_path: Path) -> ProjectUnderTest:
    return ProjectUnderTest(unpack(tmp_path / "old"))


def test_history_goes_on_with_its_digest(old: ProjectUnderTest) -> None:
    registry = old.root / "workspace" / "registry.sqlite"
    before = registry.read_bytes()
    assert old.digest() == DIGEST
    kernels = len(list(old.root.glob("agents/*/src/kernel/mod.rs")))
    assert kernels == old.status()["population"]["alive"] > 0
    assert f"{kernels} folders have the kernel" in old.evolve("verify").out
    assert len(old.agents("--all")) == 21
    assert registry.read_bytes() == before
    old.evolve("resume")
    done = old.live(LATER - CYCLE)
    assert "registry.version-4.sqlite" in done.err
    assert (old.root / "workspace" / "registry.version-4.sqlite").read_bytes() != b""
    assert old.status()["cycle"] == LATER
    assert old.digest() == LATER_DIGEST
    assert old.status()["tainted"] is None
    assert not list(old.root.glob("agents/*/src/kernel")), "each kernel is in one file now"
    assert not [one for one in old.events("quarantine") if one["cycle"] > CYCLE]
    assert old.evolve("verify").out.count("NO ") == 0
    assert "registry.version-4" not in old.live(1).err
