"""Tests of other people's crates, on the real cargo: fetched once, built offline and locked."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from agents_alone import behaviour
from rust_support import BoxedRust, copy_template, genome_of, request_of, write_agent

from evolve_ai.model.errors import ToolchainError
from evolve_ai.model.genome import Genome
from evolve_ai.model.report import GenePool
from evolve_ai.model.settings import BuildSettings
from evolve_ai.substrates.rust.crates import CrateStore
from evolve_ai.substrates.rust.dependencies import dependencies_of
from evolve_ai.substrates.rust.lock import LOCK, read_lock
from evolve_ai.substrates.rust.manifest import MANIFEST
from evolve_ai.substrates.rust.toolchain import Toolchain
from evolve_ai.system.commands import Limits

LIMITS = Limits(total=120.0, silence=60.0)
# One crate alone, and one with a dash, a build script, features and a need of its own.
TABLE = """
[dependencies]
libm = "0.2.16"
num-traits = { version = "=0.2.19", default-features = false, features = ["libm"] }
"""
ALLOWED = {"libm": "0.2.16", "num-traits": "0.2.19"}
GENE = b"""\
use crate::kernel::Agent;
use num_traits::Float;

pub fn bend(agent: &mut Agent) {
    agent.value = libm::erf(agent.value + half(1.0)) * 1000.0;
}

fn half<T: Float>(value: T) -> T {
    value / (T::one() + T::one())
}
"""
USER = b"""\
use crate::genes::bend as curve;
use crate::kernel::Agent;
use libm as m;

pub fn straighten(agent: &mut Agent) {
    curve::bend(agent);
    agent.value = m::floor(agent.value);
}
"""
# Where nobody answers: the proxy is a closed port.
NO_NETWORK = {
    "CARGO_HTTP_PROXY": "http://127.0.0.1:9",
    "CARGO_NET_RETRY": "0",
    "CARGO_HTTP_TIMEOUT": "5",
}


@pytest.fixture
def template(tmp_path: Path) -> Path:
    template = copy_template(tmp_path / "template")
    with (template / MANIFEST).open("a") as manifest:
        manifest.write(TABLE)
    (template / "src" / "genes" / "bend.rs").write_bytes(GENE)
    (template / "src" / "genes" / "straighten.rs").write_bytes(USER)
    return template


@pytest.fixture
def allowing() -> BoxedRust:
    return BoxedRust(BuildSettings(opt_level="0"), crates=ALLOWED)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NO_NETWORK.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cargo home; cargo itself stays where it is, the user's configuration too."""
    user = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    home = tmp_path / "cargo_home"
    home.mkdir()
    if (user / "config.toml").exists():
        shutil.copy(user / "config.toml", home / "config.toml")
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{user / 'bin'}")
    monkeypatch.setenv("CARGO_HOME", str(home))
    return home


def programs(pool: GenePool) -> list[Genome]:
    return [
        genome_of(pool, {"alpha": ["add"], "bend": ["bend"]}, number=1),
        genome_of(pool, {"bend": ["bend"], "straighten": ["straighten"]}, number=2),
        genome_of(pool, {"alpha": ["double"]}, number=3),
    ]


@pytest.mark.usefixtures("crate_registry")
def test_batch_and_folder_are_built_offline_and_locked_to_the_same_crates(
    template: Path, allowing: BoxedRust, tmp_path: Path
) -> None:
    pool = allowing.equip(tmp_path / "workspace", allowing.read_pool(template))
    names = [name for name, _ in read_lock(pool.manifests[LOCK]).packages]
    assert names == ["autocfg", "libm", "num-traits"]
    builder = allowing.builder(tmp_path / "workspace", pool)
    verdicts = builder.build([request_of(allowing, genome, pool) for genome in programs(pool)])
    for genome, verdict in zip(programs(pool), verdicts, strict=True):
        assert verdict.program is not None, verdict.fault
        folder = write_agent(tmp_path / genome.id, allowing, genome, pool, pool.code)
        done = subprocess.run(
            ["cargo", "build", "--release", "--offline", "--locked"],
            cwd=folder,
            env={**os.environ, "CARGO_TARGET_DIR": str(tmp_path / "target")},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert (folder / LOCK).read_bytes() == allowing.manifests(pool.manifests, genome.id)[LOCK]
        name = f"agent-{genome.id}"
        batch = [str(verdict.program.file), *verdict.program.arguments]
        alone = behaviour([str(tmp_path / "target" / "release" / name)], name)
        assert behaviour(batch, name) == alone
        assert alone[0] == 0
    area = tmp_path / "workspace" / "build"
    locked = (area / LOCK).read_bytes()
    subprocess.run(["cargo", "fetch", "--offline"], cwd=area, check=True, capture_output=True)
    assert (area / LOCK).read_bytes() == locked  # word for word what cargo would write


@pytest.mark.usefixtures("crate_registry")
def test_crates_are_fetched_once(
    template: Path, allowing: BoxedRust, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = allowing.read_pool(template)
    pool = allowing.equip(tmp_path / "workspace", read)
    for name, value in NO_NETWORK.items():
        monkeypatch.setenv(name, value)
    assert allowing.equip(tmp_path / "workspace", read) == pool
    assert allowing.equipped(tmp_path / "workspace", read) == pool
    builder = allowing.builder(tmp_path / "workspace", pool)
    verdicts = builder.build([request_of(allowing, genome, pool) for genome in programs(pool)])
    assert all(verdict.program for verdict in verdicts)


def test_one_who_looks_fetches_and_writes_nothing(
    template: Path, allowing: BoxedRust, tmp_path: Path
) -> None:
    with pytest.raises(ToolchainError, match="not been fetched yet"):
        allowing.equipped(tmp_path / "workspace", allowing.read_pool(template))
    assert not (tmp_path / "workspace").exists()


@pytest.mark.usefixtures("crate_registry")
def test_crates_that_cargo_has_lost_are_fetched_again_by_the_same_lock(
    template: Path, allowing: BoxedRust, tmp_path: Path, own_home: Path
) -> None:
    pool = allowing.equip(tmp_path / "workspace", allowing.read_pool(template))
    (lock,) = (tmp_path / "workspace" / "crates").glob(f"*/{LOCK}")
    before = lock.read_bytes()
    shutil.rmtree(own_home / "registry")
    builder = allowing.builder(tmp_path / "workspace", pool)
    verdicts = builder.build([request_of(allowing, genome, pool) for genome in programs(pool)])
    assert all(verdict.program for verdict in verdicts)
    assert (own_home / "registry").is_dir()
    assert lock.read_bytes() == before == pool.manifests[LOCK]


@pytest.mark.usefixtures("crate_registry")
def test_lock_that_is_torn_is_made_again(
    template: Path, allowing: BoxedRust, tmp_path: Path
) -> None:
    read = allowing.read_pool(template)
    pool = allowing.equip(tmp_path / "workspace", read)
    (lock,) = (tmp_path / "workspace" / "crates").glob(f"*/{LOCK}")
    lock.write_bytes(b"")
    assert allowing.equip(tmp_path / "workspace", read) == pool


@pytest.mark.usefixtures("crate_registry")
def test_version_that_does_not_exist_is_told_with_cargo_s_words(
    template: Path, tmp_path: Path
) -> None:
    manifest = template / MANIFEST
    manifest.write_text(manifest.read_text().replace('"0.2.16"', '"0.2.99999"'))
    substrate = BoxedRust(crates={**ALLOWED, "libm": "0.2.99999"})
    with pytest.raises(ToolchainError, match="libm"):
        substrate.equip(tmp_path / "workspace", substrate.read_pool(template))
    assert not list((tmp_path / "workspace").rglob(LOCK))


@pytest.mark.usefixtures("own_home", "no_network")
def test_network_that_is_missing_is_told_and_leaves_no_lock(
    template: Path, allowing: BoxedRust, tmp_path: Path
) -> None:
    with pytest.raises(ToolchainError, match="crates cannot be fetched") as caught:
        allowing.equip(tmp_path / "workspace", allowing.read_pool(template))
    assert "cargo fetch" in (caught.value.todo or "")
    assert not list((tmp_path / "workspace").rglob(LOCK))


def nobody() -> Toolchain:
    raise AssertionError("no compiler is needed")


def test_template_without_crates_asks_nobody(
    substrate: BoxedRust, pool: GenePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert substrate.equip(tmp_path / "workspace", pool) is pool
    CrateStore(tmp_path / "crates", LIMITS, nobody).require(pool.manifests)
    assert not list(tmp_path.iterdir())


def test_other_versions_and_features_have_a_lock_of_their_own(
    template: Path, allowing: BoxedRust
) -> None:
    manifest = allowing.read_pool(template).manifests[MANIFEST]
    rows = [one.row() for one in dependencies_of(manifest)]
    assert rows == [
        'libm = { version = "=0.2.16" }\n',
        'num-traits = { version = "=0.2.19", features = ["libm"], default-features = false }\n',
    ]


def test_lock_is_part_of_the_fingerprint(template: Path, allowing: BoxedRust) -> None:
    pool = allowing.read_pool(template)
    genome = genome_of(pool, {"bend": ["bend"]})
    locks = (b"one", b"two")
    pools = [pool, *(_locked(pool, lock) for lock in locks)]
    assert len({allowing.fingerprint(genome, one) for one in pools}) == 3


def _locked(pool: GenePool, lock: bytes) -> GenePool:
    manifests = {**pool.manifests, LOCK: lock}
    return GenePool(pool.sources, pool.code, pool.fixed, manifests, pool.fixed_hash)
