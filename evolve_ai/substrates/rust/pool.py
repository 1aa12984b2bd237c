"""Reads a template as a pool of genes."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tree_sitter import Node

from evolve_ai.model.audit_settings import AuditSettings
from evolve_ai.model.errors import TemplateError
from evolve_ai.model.genome import MAX_BYTES, FileGene, Genome, packed
from evolve_ai.model.report import GenePool, SourceReport
from evolve_ai.model.settings import BuildSettings
from evolve_ai.substrates.rust import syntax
from evolve_ai.substrates.rust.dependencies import (
    check_dependencies,
    crate_roots,
    dependencies_of,
)
from evolve_ai.substrates.rust.gene_names import NAMES
from evolve_ai.substrates.rust.manifest import MANIFEST, check_manifest, nameless, with_profile
from evolve_ai.substrates.rust.packing import packed as in_one_file
from evolve_ai.substrates.rust.policy import Policy, policy_of
from evolve_ai.substrates.rust.profile import release
from evolve_ai.substrates.rust.source import read_source
from evolve_ai.system.agent_folder import SOURCE_LIMIT
from evolve_ai.system.files import read_regular
from evolve_ai.system.moment import times_of

LIBRARY = "src/lib.rs"
KERNEL = "src/kernel"
GENES = "src/genes"
# Room is left for what a life adds to a genome, and beside the pool in a frame.
MOST_BYTES = MAX_BYTES - 4096
_ANY = "00000000-0000-4000-8000-000000000000"

# Where a visibility may follow that is less than `pub`: a comment may stand before its bracket.
_NARROWED = re.compile(rb"\bpub\s*[(/]")
_LIBRARY_ITEMS = ["pub mod genes ;", "pub mod kernel ;"]
_DEFAULTS = BuildSettings()
_AUDIT = AuditSettings()
_NO_CRATES: Mapping[str, str] = MappingProxyType({})


def read_pool(
    template: Path,
    build: BuildSettings = _DEFAULTS,
    allowed: Mapping[str, str] = _NO_CRATES,
    audit: AuditSettings = _AUDIT,
) -> GenePool:
    """Read the template. TemplateError names the file, the line, the reason and what to do.

    The profile of `build` is laid over the template's; `allowed` are crates with their versions.
    SettingsError for what `audit` may not allow.
    """
    if not template.is_dir():
        raise TemplateError("there is no template", where=template, todo="make one: evolve new")
    manifest = _read(template, MANIFEST)
    check_manifest(manifest)
    check_dependencies(manifest, allowed)
    if (template / "build.rs").exists():
        raise _refused("build.rs", "a build script runs outside the sandbox", "remove it")
    written = {LIBRARY: _read(template, LIBRARY), **_kernel(template)}
    _check_library(written[LIBRARY])
    for path, content in written.items():
        if path != LIBRARY:
            _check_kernel(path, content)
    code: dict[str, bytes] = {}
    policy = policy_of(audit, crate_roots(manifest))
    sources = []
    for path in _gene_paths(template):
        content = _read(template, path)
        sources.append(_source(path, content, policy))
        code[sources[-1].code] = content
    _check_uses(sources)
    _check_room(sources)
    versions = {one.name: one.version for one in dependencies_of(manifest)}
    manifests = {MANIFEST: with_profile(manifest, release(build), versions)}
    fixed = in_one_file(written, LIBRARY)
    unpacked = {} if fixed == written else written
    fixed_hash = _fixed_hash(written, manifest)
    return GenePool(tuple(sources), code, fixed, manifests, fixed_hash, unpacked)


def pool_stamp(template: Path) -> str:
    """A hash of names, modes, times and contents of the template's files: changes when they do.

    Times alone would not do: who owns a file may set them back, and of two changes in one step of
    the clock one leaves no trace. Some 20 us for each file.
    """
    digest = hashlib.sha256()
    places = [template / MANIFEST, template / LIBRARY, template / GENES, template / KERNEL]
    for place in places:
        inside = sorted(place.rglob("*")) if place.is_dir() else []
        for path in (place, *inside):
            try:
                seen = os.lstat(path)
            except FileNotFoundError:
                continue
            facts = (path.relative_to(template), seen.st_mode, seen.st_size, times_of(seen))
            digest.update(f"{facts}{_content(path)}\n".encode())
    return digest.hexdigest()


def _content(path: Path) -> str:
    try:
        return hashlib.sha256(read_regular(path, SOURCE_LIMIT)).hexdigest()
    except OSError:
        return ""  # no file, or none that is read


def _kernel(template: Path) -> dict[str, bytes]:
    if not (template / KERNEL / "mod.rs").is_file():
        raise _refused(f"{KERNEL}/mod.rs", "the kernel is missing", "restore src/kernel/")
    files = sorted(path for path in (template / KERNEL).rglob("*") if not path.is_dir())
    names = [path.relative_to(template).as_posix() for path in files]
    return {name: _read(template, name) for name in names if not _hidden(name)}


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _gene_paths(template: Path) -> list[str]:
    folder = template / GENES
    if not folder.is_dir():
        raise _refused(GENES, "there is no such folder", "put gene files there: <name>.rs")
    paths = []
    for name in sorted(path.name for path in folder.iterdir()):
        if name == "mod.rs" or name.startswith("."):
            continue
        if not name.endswith(".rs"):
            _check_other(folder / name)
            continue
        if not NAMES.is_path(f"{GENES}/{name}"):
            raise _refused(f"{GENES}/{name}", "its name cannot name a module", "rename it")
        paths.append(f"{GENES}/{name}")
    if not paths:
        raise _refused(GENES, "it holds no gene file", "put at least one there: <name>.rs")
    return paths


def _check_other(path: Path) -> None:
    """What is no gene file is left alone, unless somebody may take it for one."""
    name = f"{GENES}/{path.name}"
    if path.suffix.lower() == ".rs":
        raise _refused(name, "its name does not end with .rs", "rename it")
    if path.is_dir():
        inside = next(iter(sorted(path.rglob("*.[rR][sS]"))), None)
        if inside is not None:
            where = f"{GENES}/{inside.relative_to(path.parent)}"
            raise _refused(where, "gene files lie in src/genes itself", "move it there")


def _check_room(sources: list[SourceReport]) -> None:
    """The genome of an agent that has all genes, and may still change, must fit."""
    files = tuple(
        FileGene(one.path, one.code, True, tuple((name, True) for name in one.genes))
        for one in sources
    )
    traits = {trait: 0.5 for one in sources for trait in one.traits}
    size = len(packed(Genome(_ANY, 0, (_ANY, _ANY), files, traits)))
    if size > MOST_BYTES:
        functions = sum(len(one.genes) for one in sources)
        reason = (
            f"its {len(files)} gene files with {functions} genes and {len(traits)} traits make a "
            f"genome of {size} bytes, and {MOST_BYTES} are allowed"
        )
        raise _refused(GENES, reason, "take some out, or give them shorter names")


def _source(path: str, code: bytes, policy: Policy) -> SourceReport:
    report = read_source(path, code, policy)
    error = report.syntax_error or report.audit_error
    if error:
        line, _, reason = error.removeprefix("line ").partition(": ")
        todo = "mend the file" if report.syntax_error else "write the gene without it"
        raise _refused(f"{path}:{line}", reason, todo)
    return report


def _check_uses(sources: list[SourceReport]) -> None:
    if not any(source.genes for source in sources):
        todo = "write one: pub fn name(agent: &mut Agent)"
        raise _refused(GENES, "no file there holds a gene", todo)
    paths = {source.path for source in sources}
    for source in sources:
        for used in source.uses:
            if used not in paths:
                reason = f"it uses crate::genes::{NAMES.name_of(used)}, and there is no {used}"
                raise _refused(source.path, reason, "add that file or remove the use")


def _check_library(code: bytes) -> None:
    root = _tree(LIBRARY, code)
    items = [node for node in root.children if "comment" not in node.type]
    written = sorted(" ".join(token.text for token in syntax.tokens(item)) for item in items)
    if written != _LIBRARY_ITEMS:
        reason = "it must hold exactly: pub mod genes; pub mod kernel;"
        raise _refused(LIBRARY, reason, "move other code to src/kernel/")


def _check_kernel(path: str, code: bytes) -> None:
    """`pub(crate)` would show genes, in the agent's folder, what their own crate cannot see."""
    if not path.endswith(".rs"):
        return
    root = _tree(path, code)
    if not _NARROWED.search(code):
        return
    own_root = ("pub(crate)", "pub(super)") if path == f"{KERNEL}/mod.rs" else ("pub(crate)",)
    for node, _ in syntax.walk(root):
        shown = syntax.text_of(node).replace(" ", "") if node.type == "visibility_modifier" else ""
        if shown in own_root:
            reason = f"`{shown}` in the kernel means something else to genes that are built apart"
            raise _refused(
                f"{path}:{syntax.line_of(node)}", reason, "write pub(in crate::kernel) or pub"
            )


def _tree(path: str, code: bytes) -> Node:
    root = syntax.parse(code).root_node
    error = syntax.first_error(root)
    if error:
        node, reason = error
        raise _refused(f"{path}:{syntax.line_of(node)}", reason, "mend the file")
    return root


def _read(template: Path, path: str) -> bytes:
    """One file of the template, which must be a regular one and UTF-8."""
    file = template / path
    if file.is_symlink() or not file.is_file():
        raise _refused(path, "it is missing, or no regular file", "restore it")
    code = file.read_bytes()
    try:
        code.decode()
    except UnicodeDecodeError as error:
        line = code.count(b"\n", 0, error.start) + 1
        raise _refused(f"{path}:{line}", "it is not UTF-8", "save it as UTF-8") from error
    return code


def _fixed_hash(fixed: dict[str, bytes], manifest: bytes) -> str:
    digest = hashlib.sha256(hashlib.sha256(nameless(manifest)).digest())
    for path, code in sorted(fixed.items()):
        digest.update(f"{path}\0{hashlib.sha256(code).hexdigest()}\n".encode())
    return digest.hexdigest()


def _refused(where: str, reason: str, todo: str) -> TemplateError:
    return TemplateError(reason, where=where, todo=todo)
