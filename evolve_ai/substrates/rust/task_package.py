"""Reads the Cargo.toml of a task: a package with one program, perhaps with a library and crates."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import tomlkit

from evolve_ai.model.errors import TaskError, TemplateError
from evolve_ai.substrates.rust.dependencies import check_dependencies, dependencies_of
from evolve_ai.substrates.rust.manifest import MANIFEST, parse_manifest, with_profile

_KEPT = frozenset({"package", "workspace", "lib", "bin", "profile", "dependencies", "features",
                   "lints"})  # fmt: skip
_LEFT_OUT = frozenset({"dev-dependencies", "bench", "test", "example", "badges"})
_REFUSED = {
    "build": "build scripts are not supported",
    "links": "libraries of the system are not supported",
    "workspace": "a package of a larger workspace is not supported",
}
_TOGETHER = frozenset({"opt-level", "panic", "debug", "strip", "overflow-checks", "codegen-units",
                       "debug-assertions", "incremental", "rpath"})  # fmt: skip
_LIBRARY = "src/lib.rs"
_PROGRAM = "src/main.rs"


@dataclass(frozen=True, slots=True)
class TaskPackage:
    """`manifest` is what cargo gets: a workspace of its own, each crate at its one version."""

    name: str
    version: str
    edition: str
    binary: str
    main: str
    library: str  # "": none
    manifest: bytes
    may_be_together: bool  # by its profile and lints

    def with_main(self, path: str) -> bytes:
        """The manifest whose program lies elsewhere."""
        document = parse_manifest(self.manifest).unwrap()
        document["bin"] = [{**_bins(document)[0], "name": self.binary, "path": path}]
        return tomlkit.dumps(document).encode()


def read_package(
    manifest: bytes, paths: Collection[str], allowed: Mapping[str, str]
) -> TaskPackage:
    """`paths` are those of all files of the task, `allowed` crates with their versions. TaskError
    for what cannot be built."""
    try:
        document = parse_manifest(manifest).unwrap()
        check_dependencies(manifest, allowed)
        wanted = dependencies_of(manifest)
        kept = {name: table for name, table in document.items() if name not in _LEFT_OUT}
        kept["workspace"] = kept.get("workspace", {})
        _check(kept, paths)
        exact = with_profile(tomlkit.dumps(kept).encode(), {}, {w.name: w.version for w in wanted})
    except TemplateError as error:
        todo = (error.todo or "").replace("evolve.toml", "task.toml").replace("the template", "it")
        raise TaskError(error.what, where=error.where, todo=todo) from error
    package = kept["package"]
    name, bins = str(package["name"]), _bins(kept)
    library = kept.get("lib", {}).get("path") or (_LIBRARY if _LIBRARY in paths else "")
    release = kept.get("profile", {}).get("release", {})
    return TaskPackage(
        name=name,
        version=str(package.get("version", "0.0.0")),
        edition=str(package.get("edition", "2015")),
        binary=str(bins[0].get("name", name)),
        main=str(bins[0].get("path", _PROGRAM)),
        library=library,
        manifest=exact,
        may_be_together=set(release) <= _TOGETHER and "lints" not in kept,
    )


def _bins(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(one) for one in document.get("bin", [{}])] or [{}]


def _check(document: Mapping[str, Any], paths: Collection[str]) -> None:
    for table in document:
        if table not in _KEPT:
            _refuse(f"[{table}] is not supported", "do without it")
    package = document.get("package")
    if not isinstance(package, dict) or not isinstance(package.get("name"), str):
        _refuse("it has no [package] with a name", "see `cargo new`")
    for key, reason in _REFUSED.items():
        if package.get(key):
            _refuse(f"package.{key}: {reason}", "do without it")
    if document["workspace"] != {}:
        _refuse("a workspace of several packages is not supported", "name one package")
    if "build.rs" in paths and package.get("build") is not False:
        _refuse(_REFUSED["build"], "remove build.rs, or write build = false in [package]")
    for name in ("lib", "profile"):
        if not isinstance(document.get(name, {}), dict):
            _refuse(f"[{name}] must be a table", "mend it")
    more = [path for path in paths if path.startswith("src/bin/")]
    bins = _bins(document)
    main = str(bins[0].get("path", _PROGRAM))
    if len(bins) != 1 or (more and package.get("autobins") is not False and main not in more):
        _refuse("it has several programs", "leave one, the one that is evaluated")
    if main not in paths:
        _refuse(f"there is no {main}", "a task needs a program: src/main.rs, or [[bin]] with path")


def _refuse(reason: str, todo: str) -> NoReturn:
    raise TaskError(reason, where=MANIFEST, todo=todo)
