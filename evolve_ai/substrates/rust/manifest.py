"""Reads and writes Cargo.toml: that of a template, and that of one agent."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NoReturn

import tomlkit
from tomlkit.exceptions import TOMLKitError

from evolve_ai.model.errors import TemplateError

MANIFEST = "Cargo.toml"
_PLACEHOLDER = b"agent-00000000-0000-4000-8000-000000000000"
_TABLES = frozenset({"package", "workspace", "lib", "profile", "dependencies"})
_PACKAGE_KEYS = frozenset(
    {"name", "version", "edition", "rust-version", "publish", "description", "license", "authors"}
)
_EDITIONS = ("2018", "2021", "2024")


def agent_manifest(template: bytes, agent: str) -> bytes:
    """The template's manifest with the package called `agent-<id>`."""
    return _rendered(template).replace(_PLACEHOLDER, f"agent-{agent}".encode())


@lru_cache(maxsize=8)
def _rendered(template: bytes) -> bytes:
    """The manifest with a name that is easy to replace: parsed once for each template."""
    document = parse_manifest(template)
    package = document.get("package")
    if not isinstance(package, dict):
        raise TemplateError("it has no [package]", where=MANIFEST, todo="add [package] with a name")
    package["name"] = _PLACEHOLDER.decode()
    return tomlkit.dumps(document).encode()


def nameless(template: bytes) -> bytes:
    """The manifest as it is the same for all agents: for hashing."""
    return _rendered(template)


def check_manifest(template: bytes) -> None:
    """Refuse, with TemplateError, what an agent's build may not depend on."""
    document = parse_manifest(template).unwrap()
    for table in document:
        if table not in _TABLES:
            _refuse(template, table, f"[{table}] is not supported")
    package = document.get("package", {})
    for key in package if isinstance(package, dict) else {}:
        if key not in _PACKAGE_KEYS:
            _refuse(template, key, f"package.{key} is not supported")
    edition = package.get("edition") if isinstance(package, dict) else None
    if edition not in _EDITIONS:
        _refuse(template, "edition", f"package.edition must be one of {', '.join(_EDITIONS)}")
    if document.get("workspace") != {}:
        _refuse(template, "[workspace]", "an empty [workspace] table is needed")
    library = document.get("lib")
    if library != {"name": "agent"}:
        _refuse(template, "[lib]", '[lib] must hold exactly: name = "agent"')
    profile = document.get("profile", {})
    if not _is_table(profile) or not _is_table(profile.get("release", {})):
        _refuse(template, "profile", "profile.release must be a table")
    _rendered(template)


def with_profile(template: bytes, release: Mapping[str, Any], versions: Mapping[str, str]) -> bytes:
    """The manifest with these words in its release profile, and each crate at its one version.

    The template's own text where it says all that already; else written anew, without comments.
    """
    before, document = parse_manifest(template).unwrap(), parse_manifest(template).unwrap()
    document.setdefault("profile", {}).setdefault("release", {}).update(release)
    crates = document.get("dependencies", {})
    for name, version in versions.items():
        exact = f"={version}"
        crates[name] = {**crates[name], "version": exact} if _is_table(crates[name]) else exact
    if document == before or (not release and not versions):
        return template
    return tomlkit.dumps(document).encode()


def build_settings(template: bytes) -> tuple[str, str]:
    """What the template says of compiling: its edition, and its release profile as TOML."""
    document = parse_manifest(template).unwrap()
    edition = str(document.get("package", {}).get("edition", "2021"))
    release = document.get("profile", {}).get("release", {})
    return edition, tomlkit.dumps({"profile": {"release": release}})


@lru_cache(maxsize=8)
def package_version(manifest: bytes) -> str:
    return str(parse_manifest(manifest).unwrap()["package"].get("version", "0.0.0"))


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def parse_manifest(template: bytes) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(template.decode())
    except UnicodeDecodeError as error:
        raise TemplateError("it is not UTF-8", where=MANIFEST, todo="save it as UTF-8") from error
    except TOMLKitError as error:
        raise TemplateError(f"it is no TOML: {error}", where=MANIFEST, todo="mend it") from error


def _refuse(template: bytes, word: str, reason: str) -> NoReturn:
    lines = template.decode().splitlines()
    at = next((n for n, line in enumerate(lines, start=1) if word in line), None)
    where = f"{MANIFEST}:{at}" if at else MANIFEST
    raise TemplateError(reason, where=where, todo="change the manifest of the template")
