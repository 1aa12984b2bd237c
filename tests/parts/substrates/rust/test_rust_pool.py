"""Tests of reading a template: what is wrong is named by file, line and reason."""

import os
import shutil
from pathlib import Path

import pytest
from rust_support import TEMPLATE, copy_template, sha

from evolve_ai.model.errors import TemplateError
from evolve_ai.substrates.rust.pool import pool_stamp, read_pool

FAILURES = {
    "gene_with_syntax_error": ("src/genes/alpha.rs:4", "cannot be read as Rust"),
    "gene_that_reads_files": ("src/genes/alpha.rs:4", "`std::fs::read` is not allowed"),
    "gene_that_is_not_utf8": ("src/genes/alpha.rs:2", "not UTF-8"),
    "gene_that_uses_a_missing_file": ("src/genes/alpha.rs", "no src/genes/delta.rs"),
    "gene_named_by_a_keyword": ("src/genes/match.rs", "cannot name a module"),
    "library_with_a_third_module": ("src/lib.rs", "pub mod genes; pub mod kernel;"),
    "kernel_that_shows_to_its_crate_only": ("src/kernel/agent.rs:3", "`pub(crate)`"),
    "kernel_with_syntax_error": ("src/kernel/agent.rs:2", "cannot be read as Rust"),
    "manifest_with_dependencies": ("Cargo.toml:13", "serde is not among those that are allowed"),
    "manifest_that_is_no_toml": ("Cargo.toml", "no TOML"),
    "manifest_with_a_build_script": ("Cargo.toml:6", "package.build is not supported"),
    "manifest_without_workspace": ("Cargo.toml", "[workspace]"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_failure_is_named(failure: str, tmp_path: Path) -> None:
    where, what = FAILURES[failure]
    template = copy_template(tmp_path / "template", failure)
    with pytest.raises(TemplateError) as caught:
        read_pool(template)
    assert caught.value.where == where
    assert what in caught.value.what
    assert caught.value.todo


@pytest.mark.parametrize("missing", ["Cargo.toml", "src/lib.rs", "src/kernel", "src/genes"])
def test_missing_part_is_named(missing: str, tmp_path: Path) -> None:
    template = copy_template(tmp_path / "template")
    path = template / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(TemplateError) as caught:
        read_pool(template)
    assert missing in str(caught.value.where)


def test_template_without_a_single_gene_is_refused(tmp_path: Path) -> None:
    template = copy_template(tmp_path / "template")
    for path in (template / "src" / "genes").iterdir():
        path.unlink()
    with pytest.raises(TemplateError, match="no gene file"):
        read_pool(template)
    (template / "src" / "genes" / "x.rs").write_text("fn helper() {}\n")
    with pytest.raises(TemplateError, match="holds a gene"):
        read_pool(template)


def test_no_template_is_told(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="there is no template"):
        read_pool(tmp_path / "nowhere")


def test_gene_file_that_is_a_link_is_refused(tmp_path: Path) -> None:
    template = copy_template(tmp_path / "template")
    (template / "src" / "genes" / "zeta.rs").symlink_to("/etc/passwd")
    with pytest.raises(TemplateError, match="no regular file"):
        read_pool(template)


def test_pool_holds_genes_and_what_all_agents_share(healthy: Path) -> None:
    pool = read_pool(healthy)
    assert [source.path.split("/")[-1] for source in pool.sources] == [
        "alpha.rs",
        "beta.rs",
        "gamma.rs",
        "ping.rs",
        "pong.rs",
    ]
    assert sorted(pool.fixed) == ["src/lib.rs"]
    written = ["src/kernel/agent.rs", "src/kernel/mod.rs", "src/lib.rs"]
    assert sorted(pool.unpacked) == sorted(pool.as_in_template) == written
    assert all(sha(code) == digest for digest, code in pool.code.items())
    assert pool.traits() == ("alpha_step",)


def test_hash_of_the_fixed_part_ignores_genes_and_name_but_not_kernel_and_profile(
    tmp_path: Path,
) -> None:
    template = copy_template(tmp_path / "template")
    before = read_pool(template).fixed_hash
    manifest = template / "Cargo.toml"
    manifest.write_text(manifest.read_text().replace("agent-template", "another"))
    gene = template / "src" / "genes" / "alpha.rs"
    gene.write_text(gene.read_text() + "// more\n")
    assert read_pool(template).fixed_hash == before
    manifest.write_text(manifest.read_text().replace("opt-level = 3", "opt-level = 2"))
    other_profile = read_pool(template).fixed_hash
    kernel = template / "src" / "kernel" / "agent.rs"
    kernel.write_text(kernel.read_text() + "// more\n")
    assert len({before, other_profile, read_pool(template).fixed_hash}) == 3


def test_stamp_changes_with_every_kind_of_change(tmp_path: Path) -> None:
    template = copy_template(tmp_path / "template")
    gene = template / "src" / "genes" / "alpha.rs"
    stamps = [pool_stamp(template)]
    assert pool_stamp(template) == stamps[0]
    os.utime(gene, ns=(1, 1))
    stamps.append(pool_stamp(template))
    (template / "src" / "genes" / "delta.rs").write_text("")
    stamps.append(pool_stamp(template))
    gene.unlink()
    stamps.append(pool_stamp(template))
    shutil.rmtree(template)
    stamps.append(pool_stamp(template))
    assert len(set(stamps)) == len(stamps)


def test_stamp_tells_of_a_change_that_the_clock_does_not_tell_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two in one of its steps, say, or because the owner has set the times back."""
    gene = copy_template(tmp_path / "template") / "src" / "genes" / "alpha.rs"
    monkeypatch.setattr("evolve_ai.substrates.rust.pool.times_of", lambda seen: ())
    before = pool_stamp(tmp_path / "template")
    gene.write_bytes(gene.read_bytes().replace(b"0.0, 6.0", b"0.0, 8.0"))
    assert pool_stamp(tmp_path / "template") != before


def test_template_of_this_project_is_a_pool() -> None:
    pool = read_pool(TEMPLATE)
    assert len(pool.sources) >= 10
    assert len(pool.traits()) >= 10
