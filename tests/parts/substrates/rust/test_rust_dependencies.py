"""Tests of what a template may say of other people's crates: what is allowed, word for word."""

from pathlib import Path

import pytest
import tomlkit
from rust_support import copy_template

from evolve_ai.model.errors import TemplateError
from evolve_ai.substrates.rust.dependencies import Dependency, crate_roots, dependencies_of
from evolve_ai.substrates.rust.manifest import MANIFEST
from evolve_ai.substrates.rust.pool import read_pool

ALLOWED = {"libm": "0.2.16", "num-traits": "0.2.19", "pre": "1.0.0-rc.1", "match": "1.0.0"}
ALLOWED |= dict.fromkeys(["std", "agent", "genes", "evolve-x", "evolve_crates"], "1.0.0")

REFUSED = {
    "not allowed": ('serde = "1.0.0"', "serde is not among", 'crates] of evolve.toml: serde = "1.'),
    "not allowed, not exact": ('serde = "1"', "serde is not among", 'serde = "1.2.3"'),
    "another version": ('libm = "0.2.15"', "asked for as '0.2.15', and allowed as", '"=0.2.16"'),
    "a range": ('libm = "0.2"', "asked for as '0.2'", '"=0.2.16"'),
    "a caret": ('libm = "^0.2.16"', "asked for as '^0.2.16'", '"=0.2.16"'),
    "two versions": ('libm = "=0.2.16, <9"', "asked for as", '"=0.2.16"'),
    "a wildcard": ('libm = "*"', "asked for as '*'", '"=0.2.16"'),
    "no version": ("libm = {}", "has no version", "write libm"),
    "no text": ("libm = 2", "has no version", "write libm"),
    "a path": ('libm = { version = "0.2.16", path = "/x" }', "libm.path is not", "alone"),
    "a path alone": ('libm = { path = "../.." }', "libm.path is not supported", "alone"),
    "git": ('libm = { git = "file:///x" }', "libm.git is not supported", "alone"),
    "a registry": ('libm = { version = "0.2.16", registry = "x" }', "libm.registry is", "alone"),
    "another name": ('libm = { version = "0.2.16", package = "x" }', "libm.package is", "alone"),
    "optional": ('libm = { version = "0.2.16", optional = true }', "libm.optional is", "alone"),
    "features, no list": ('libm = { version = "0.2.16", features = "x" }', "a list", "so"),
    "feature, no name": ('libm = { version = "0.2.16", features = ["a\\"b"] }', "a list", "so"),
    "feature, no text": ('libm = { version = "0.2.16", features = [[1]] }', "a list", "so"),
    "default, no truth": ('libm = { version = "0.2.16", default-features = 1 }', "true or", "so"),
    "no name": ('"../libm" = "0.2.16"', "no name of a crate", "real name"),
    "a root of Rust": ('std = "1.0.0"', "would hide", "without"),
    "a word of Rust": ('match = "1.0.0"', "would hide", "without"),
    "the agent itself": ('agent = "1.0.0"', "would hide", "without"),
    "the genes": ('genes = "1.0.0"', "would hide", "without"),
    "a generated name": ('evolve_crates = "1.0.0"', "would hide", "without"),
    "a generated name with a dash": ('evolve-x = "1.0.0"', "would hide", "without"),
}


def template_with(tmp_path: Path, text: str) -> Path:
    template = copy_template(tmp_path / "template")
    manifest = template / MANIFEST
    manifest.write_text(f"{manifest.read_text()}\n{text}\n")
    return template


@pytest.mark.parametrize("name", REFUSED)
def test_dependency_is_refused_with_line_and_remedy(name: str, tmp_path: Path) -> None:
    text, reason, todo = REFUSED[name]
    template = template_with(tmp_path, f"[dependencies]\n{text}")
    with pytest.raises(TemplateError) as caught:
        read_pool(template, allowed=ALLOWED)
    line = len((template / MANIFEST).read_text().splitlines())
    assert caught.value.where == f"{MANIFEST}:{line}"
    assert reason in caught.value.what
    assert todo in (caught.value.todo or "")


def test_crate_without_a_name_is_refused(tmp_path: Path) -> None:
    template = template_with(tmp_path, '[dependencies]\n"" = "0.2.16"')
    with pytest.raises(TemplateError, match="no name of a crate"):
        read_pool(template, allowed=ALLOWED)


@pytest.mark.parametrize(
    "table",
    [
        '[build-dependencies]\nlibm = "0.2.16"',
        '[dev-dependencies]\nlibm = "0.2.16"',
        "[target.'cfg(unix)'.dependencies]\nlibm = \"0.2.16\"",
        '[patch.crates-io]\nlibm = { path = "../x" }',
        '[features]\ndefault = ["libm"]',
        "[badges]",
    ],
)
def test_other_kinds_of_dependencies_are_refused(table: str, tmp_path: Path) -> None:
    template = template_with(tmp_path, table)
    with pytest.raises(TemplateError, match="is not supported") as caught:
        read_pool(template, allowed=ALLOWED)
    assert (caught.value.where or "").startswith("Cargo.toml:")


def test_dependencies_that_are_no_table_are_refused(tmp_path: Path) -> None:
    template = copy_template(tmp_path / "template")
    manifest = template / MANIFEST
    manifest.write_text(f"dependencies = 3\n{manifest.read_text()}")
    with pytest.raises(TemplateError, match="must be a table"):
        read_pool(template, allowed=ALLOWED)


TEXT = """\
[dependencies]
libm = "0.2.16"
pre = " = 1.0.0-rc.1 "

[dependencies.num-traits]
version = "=0.2.19"
default-features = false
features = ["libm", "i128"]
"""


def test_allowed_crates_are_read_and_pinned(tmp_path: Path) -> None:
    pool = read_pool(template_with(tmp_path, TEXT), allowed=ALLOWED)
    manifest = pool.manifests[MANIFEST]
    assert dependencies_of(manifest) == (
        Dependency("libm", "0.2.16"),
        Dependency("num-traits", "0.2.19", ("libm", "i128"), False),
        Dependency("pre", "1.0.0-rc.1"),
    )
    assert crate_roots(manifest) == {"libm", "num_traits", "pre"}
    written = tomlkit.parse(manifest.decode()).unwrap()["dependencies"]
    assert (written["libm"], written["pre"]) == ("=0.2.16", "=1.0.0-rc.1")
    assert written["num-traits"]["version"] == "=0.2.19"


def test_rows_say_the_same_as_the_template(tmp_path: Path) -> None:
    manifest = read_pool(template_with(tmp_path, TEXT), allowed=ALLOWED).manifests[MANIFEST]
    rows = "".join(one.row() for one in dependencies_of(manifest))
    assert dependencies_of(f"[dependencies]\n{rows}".encode()) == dependencies_of(manifest)


def test_dependencies_are_part_of_the_fixed_hash(tmp_path: Path) -> None:
    template = template_with(tmp_path, "")
    before = read_pool(template).fixed_hash
    manifest = template / MANIFEST
    manifest.write_text(manifest.read_text() + TEXT)
    assert read_pool(template, allowed=ALLOWED).fixed_hash != before


def test_gene_file_may_name_what_the_template_depends_on_and_nothing_else(tmp_path: Path) -> None:
    template = template_with(tmp_path, '[dependencies]\nnum-traits = "0.2.19"')
    gene = template / "src" / "genes" / "zeta.rs"
    code = "use crate::kernel::Agent;\nuse {}::x;\n\npub fn zeta(agent: &mut Agent) {{}}\n"
    gene.write_text(code.format("num_traits"))
    assert len(read_pool(template, allowed=ALLOWED).sources) == 6
    gene.write_text(code.format("libm"))  # allowed, but the template does without it
    with pytest.raises(TemplateError, match="no crate of the template") as caught:
        read_pool(template, allowed=ALLOWED)
    assert caught.value.where == "src/genes/zeta.rs:2"
