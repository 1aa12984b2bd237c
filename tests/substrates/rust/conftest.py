"""Owns the fixtures of the Rust tests: one substrate, one pool and one build area for a run."""

from pathlib import Path

import pytest
from rust_support import copy_template

from evolve_ai.model.report import GenePool
from evolve_ai.substrates.rust.builder import RustBuilder
from evolve_ai.substrates.rust.substrate import RustSubstrate


@pytest.fixture(scope="session")
def substrate() -> RustSubstrate:
    return RustSubstrate()


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_template(tmp_path_factory.mktemp("healthy") / "template")


@pytest.fixture(scope="session")
def pool(substrate: RustSubstrate, healthy: Path) -> GenePool:
    return substrate.read_pool(healthy)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture
def builder(substrate: RustSubstrate, workspace: Path, pool: GenePool) -> RustBuilder:
    return substrate.builder(workspace, pool)
