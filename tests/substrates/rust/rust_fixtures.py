"""Owns the fixtures of the Rust tests: one substrate, one pool and one build area for a run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults_support import made_with, request_for
from rust_support import KEEPER, BoxedRust, compiler_of, copy_template
from toolchains import SYSROOT, real_sysroot

from evolve_ai.model.report import GenePool
from evolve_ai.substrates.rust.builder import RustBuilder


@pytest.fixture(scope="session", autouse=True)
def _keeper_is_known(keeper: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEEPER, str(keeper))
        patch.setenv(SYSROOT, str(real_sysroot()))  # before a test puts false tools on the PATH
        yield


@pytest.fixture(scope="session")
def substrate() -> BoxedRust:
    return BoxedRust()


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_template(tmp_path_factory.mktemp("healthy") / "template")


@pytest.fixture(scope="session")
def pool(substrate: BoxedRust, healthy: Path) -> GenePool:
    return substrate.read_pool(healthy)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture
def builder(substrate: BoxedRust, workspace: Path, pool: GenePool) -> RustBuilder:
    return substrate.builder(workspace, pool)


@pytest.fixture(scope="module")
def warm(substrate: BoxedRust, pool: GenePool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace where the genes of the pool have been compiled."""
    workspace = tmp_path_factory.mktemp("warm")
    builder = RustBuilder(workspace, pool, made_with(substrate), compiler_of())
    (verdict,) = builder.build([request_for(pool, substrate)])
    assert verdict.program is not None
    return workspace
