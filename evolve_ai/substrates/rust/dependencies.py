"""What a template may say of other people's crates, and what it says."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from evolve_ai.model.errors import TemplateError
from evolve_ai.substrates.rust.gene_names import KEYWORDS
from evolve_ai.substrates.rust.manifest import MANIFEST, parse_manifest
from evolve_ai.substrates.rust.policy import GENERATED_PREFIX, RESERVED_ROOTS

TABLE = "dependencies"
_SETTINGS = "evolve.toml"
_KEYS = frozenset({"version", "features", "default-features"})
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_FEATURE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_+./?:-]{0,127}")
_EXACT = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?")
# What these names stand for in every agent.
_OURS = frozenset({"agent", "kernel", "genes"})


@dataclass(frozen=True, slots=True)
class Dependency:
    """One crate that a template depends on, at exactly this version."""

    name: str
    version: str
    features: tuple[str, ...] = ()
    default_features: bool = True

    @property
    def root(self) -> str:
        """Its name in Rust, the first of a path."""
        return self.name.replace("-", "_")

    def row(self) -> str:
        """The same as a line below `[dependencies]`."""
        said = [f'version = "={self.version}"']
        if self.features:
            said.append(f"features = {json.dumps(list(self.features))}")
        if not self.default_features:
            said.append("default-features = false")
        return f"{self.name} = {{ {', '.join(said)} }}\n"


@lru_cache(maxsize=8)
def dependencies_of(manifest: bytes) -> tuple[Dependency, ...]:
    """The crates that a checked manifest asks for, by name."""
    table: dict[str, Any] = parse_manifest(manifest).unwrap().get(TABLE, {})
    return tuple(_dependency(name, said) for name, said in sorted(table.items()))


def crate_roots(manifest: bytes) -> frozenset[str]:
    """What paths into these crates begin with."""
    return frozenset(one.root for one in dependencies_of(manifest))


def check_dependencies(template: bytes, allowed: Mapping[str, str]) -> None:
    """Refuse, with TemplateError, every crate that the settings do not allow word for word."""
    table = parse_manifest(template).unwrap().get(TABLE, {})
    if not isinstance(table, dict):
        _refuse(template, TABLE, f"[{TABLE}] must be a table", "name crates there")
    for name, said in table.items():
        _check_name(template, name)
        _check_words(template, name, said)
        _check_version(template, name, _dependency(name, said).version, allowed)


def _dependency(name: str, said: Any) -> Dependency:
    words = said if isinstance(said, dict) else {"version": said}
    version = words["version"].strip().removeprefix("=").strip()
    features = tuple(words.get("features", ()))
    return Dependency(name, version, features, words.get("default-features", True))


def _check_name(template: bytes, name: str) -> None:
    root = name.replace("-", "_")
    if not _NAME.fullmatch(name):
        _refuse(template, name, f"{name[:64]!r} is no name of a crate", "take its real name")
    if root in KEYWORDS | RESERVED_ROOTS | _OURS or root.startswith(GENERATED_PREFIX):
        reason = f"a crate called {name} would hide what an agent has by that name"
        _refuse(template, name, reason, "do without it")


def _check_words(template: bytes, name: str, said: Any) -> None:
    words = said if isinstance(said, dict) else {"version": said}
    for key in words:
        if key not in _KEYS:
            reason = f"{TABLE}.{name}.{key} is not supported: crates come from the registry only"
            _refuse(template, name, reason, f"say of {name} {', '.join(sorted(_KEYS))} alone")
    features, default = words.get("features", []), words.get("default-features", True)
    plain = isinstance(features, list) and all(
        isinstance(one, str) and _FEATURE.fullmatch(one) for one in features
    )
    if not plain or not isinstance(default, bool):
        reason = f"{TABLE}.{name}: features is a list of names, default-features true or false"
        _refuse(template, name, reason, "write them so")
    if not isinstance(words.get("version"), str):
        _refuse(template, name, f"{TABLE}.{name} has no version", f'write {name} = "=1.2.3"')


def _check_version(template: bytes, name: str, version: str, allowed: Mapping[str, str]) -> None:
    if name not in allowed:
        wanted = version if _EXACT.fullmatch(version) else "1.2.3"
        todo = f'if you trust it, write below [crates] of {_SETTINGS}: {name} = "{wanted}"'
        _refuse(template, name, f"the crate {name} is not among those that are allowed", todo)
    if version != allowed[name]:
        reason = f"{name} is asked for as {version[:64]!r}, and allowed as {allowed[name]!r}"
        todo = f'write {name} = "={allowed[name]}" here, or change [crates] of {_SETTINGS}'
        _refuse(template, name, reason, todo)


def _refuse(template: bytes, name: str, reason: str, todo: str) -> NoReturn:
    """With the line that names the crate, below the heading of the table."""
    named, inside = re.compile(rf"[^#]*(?<![\w-]){re.escape(name)}(?![\w-])"), False
    for number, line in enumerate(template.decode().splitlines(), start=1):
        inside = inside or TABLE in line.partition("#")[0]
        if inside and named.match(line):
            raise TemplateError(reason, where=f"{MANIFEST}:{number}", todo=todo)
    raise TemplateError(reason, where=MANIFEST, todo=todo)
