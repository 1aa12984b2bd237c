"""Tests of the profile: what the settings say of compiling reaches manifests and programs."""

import os
import subprocess
from pathlib import Path

import pytest
import tomlkit
from agents_alone import assert_same
from rust_support import TEMPLATE, BoxedRust, copy_template, genome_of, request_of, write_agent

from evolve_ai.model.errors import SettingsError, TemplateError
from evolve_ai.model.report import GenePool
from evolve_ai.model.settings import BuildSettings
from evolve_ai.substrates.rust.manifest import MANIFEST, with_profile
from evolve_ai.substrates.rust.pool import read_pool
from evolve_ai.substrates.rust.profile import _features, processor
from evolve_ai.substrates.rust.toolchain import Toolchain, find_toolchain, said

ID = "00000000-0000-4000-8000-000000000001"
DEBUGGED = BuildSettings(opt_level="1", panic="unwind", debug="line-tables-only")


def release_of(manifest: bytes) -> dict[str, object]:
    found: dict[str, object] = tomlkit.parse(manifest.decode()).unwrap()["profile"]["release"]
    found.pop("package", None)  # how many cores compile the kernel
    return found


def test_manifest_without_a_profile_is_the_template_s_own(healthy: Path) -> None:
    assert read_pool(healthy).manifests == {MANIFEST: (healthy / MANIFEST).read_bytes()}


def test_word_that_the_template_says_already_changes_nothing(healthy: Path) -> None:
    same = BuildSettings(opt_level="3", panic="abort")
    assert read_pool(healthy, same).manifests == read_pool(healthy).manifests


def test_profile_is_laid_over_that_of_the_template(healthy: Path) -> None:
    before = read_pool(healthy)
    after = read_pool(healthy, DEBUGGED)
    said = {"opt-level": 1, "panic": "unwind", "debug": "line-tables-only", "strip": "none"}
    assert release_of(after.manifests[MANIFEST]) == {
        **release_of(before.manifests[MANIFEST]),
        **said,
    }
    assert after.fixed_hash == before.fixed_hash  # the template is the same


@pytest.mark.parametrize(
    "text",
    [
        "[package]\nname = 'a'\n[workspace]\n",
        "profile.release.lto = true\n[package]\nname = 'a'\n[profile.dev]\n",
        "profile = { release = { lto = true } }\n[package]\nname = 'a'\n",
        "[profile.dev]\nlto = true\n[package]\nname = 'a'\n[profile.release]\nlto = true\n",
    ],
)
def test_profile_is_laid_over_however_the_template_is_written(text: str) -> None:
    before = tomlkit.parse(text).unwrap().get("profile", {}).get("release", {})
    made = with_profile(text.encode(), {"opt-level": "s"}, {})
    assert release_of(made) == {**before, "opt-level": "s"}


@pytest.mark.parametrize("text", ["profile = 3\n", "[profile]\nrelease = 3\n"])
def test_profile_that_is_no_table_is_refused(text: str, tmp_path: Path) -> None:
    template = copy_template(tmp_path / "template")
    manifest = template / MANIFEST
    kept = manifest.read_text().partition("[profile.release]")[0]
    manifest.write_text(text + kept if text.startswith("profile") else kept + text)
    with pytest.raises(TemplateError, match="must be a table"):
        read_pool(template, DEBUGGED)


def test_every_word_of_a_profile_gives_other_fingerprints(healthy: Path) -> None:
    profiles = [
        BuildSettings(),
        BuildSettings(opt_level="1"),
        BuildSettings(opt_level="s"),
        BuildSettings(panic="unwind"),
        BuildSettings(debug="full"),
        BuildSettings(target_cpu="native"),
    ]
    found = set()
    for profile in profiles:
        substrate = BoxedRust(profile)
        pool = substrate.read_pool(healthy)
        found.add(substrate.fingerprint(genome_of(pool, {"alpha": ["add"]}), pool))
    assert len(found) == len(profiles)


def test_native_processor_is_known_by_what_it_is() -> None:
    tools = find_toolchain(Path.cwd())
    told = processor(BuildSettings(target_cpu="native"), tools)
    assert told == processor(BuildSettings(target_cpu="native"), tools)
    assert not told.startswith("native ")
    assert len(told.split()[1]) == 64


def test_no_processor_needs_no_compiler() -> None:
    nowhere = Path("/nonexistent")
    assert processor(BuildSettings(), Toolchain(nowhere, nowhere, nowhere, nowhere)) == "generic"


@pytest.mark.parametrize("name", ["quux", "Available", "-"])
def test_unknown_processor_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="rustc knows no processor"):
        processor(BuildSettings(target_cpu=name), find_toolchain(Path.cwd()))


def test_processor_that_can_do_more_than_the_one_here_is_refused() -> None:
    tools = find_toolchain(Path.cwd())
    here = set(_features("native", tools))
    able = {"bdver4": "fma4", "knl": "avx512er", "cortex-x4": "sve2"}
    other = next((name for name, word in able.items() if word not in here), None)
    names = said("rustc", "--print", "target-cpus", home=Path.cwd()).split()
    if other not in names:
        pytest.skip(f"rustc knows no {other} here")
    with pytest.raises(SettingsError, match="would not run here, where the processor has no"):
        processor(BuildSettings(target_cpu=str(other)), tools)


def test_batch_and_folder_are_compiled_with_the_same_profile(tmp_path: Path) -> None:
    substrate = BoxedRust(DEBUGGED)
    pool = substrate.read_pool(copy_template(tmp_path / "template", start=TEMPLATE))
    genome = genome_of(pool, {"trend": [], "momentum": []})
    folder = write_agent(tmp_path / "agent", substrate, genome, pool, pool.code)
    builder = substrate.builder(tmp_path / "workspace", pool)
    (verdict,) = builder.build([request_of(substrate, genome, pool)])
    assert_same(verdict, folder, tmp_path / "target")
    assert verdict.program is not None
    alone = tmp_path / "target" / "release" / f"agent-{genome.id}"
    for program in (verdict.program.file, alone):
        assert b".debug_line" in program.read_bytes()
    in_workspace = (tmp_path / "workspace" / "build" / MANIFEST).read_bytes()
    in_folder = (folder / MANIFEST).read_bytes()
    assert release_of(in_workspace) == release_of(in_folder)


def features(cwd: Path, *argv: str) -> set[str]:
    environment = {**os.environ, "CARGO_TERM_COLOR": "never"}
    done = subprocess.run(argv, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {line for line in done.stdout.splitlines() if line.startswith("target_feature")}


def test_batch_is_compiled_for_the_processor_asked_for(
    healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    substrate = BoxedRust(BuildSettings(target_cpu="native"))
    pool: GenePool = substrate.read_pool(healthy)
    builder = substrate.builder(tmp_path / "workspace", pool)
    (verdict,) = builder.build([request_of(substrate, genome_of(pool, {"alpha": ["add"]}), pool)])
    assert verdict.program is not None
    area = tmp_path / "workspace" / "build"
    (kernel,) = (path.name for path in (area / "kernels").iterdir())
    asked = ("cargo", "rustc", "--release", "--offline", "--locked", "--package", kernel)
    able = features(tmp_path, "rustc", "-C", "target-cpu=native", "--print", "cfg")
    for name, value in builder._area().variables().items():
        monkeypatch.setenv(name, value)
    assert features(area, *asked, "--", "--print", "cfg") == able
