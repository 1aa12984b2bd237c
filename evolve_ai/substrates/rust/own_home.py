"""Lays out a cargo home of our own, so that no configuration of cargo reaches a build or a fetch.

Cargo reads its configuration in the folder that it is called in, in all folders above that one, and
in its home (https://doc.rust-lang.org/cargo/reference/config.html). So it is called in `/`, with
this home, and with no variable that it would take for a key. What the user's own home says of where
crates come from and how they are reached is taken over, for it cannot change them: their hashes
stand in the lock.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from evolve_ai.model.errors import ToolchainError
from evolve_ai.system.files import publish_if_changed, storage_errors
from evolve_ai.system.trees import discard

CWD = Path("/")  # where cargo is called: no folder has fewer above it
NAMES = ("config.toml", "config")
# Where crates come from, and what of the network and of credentials a fetch needs for that.
TABLES = ("source", "registries", "registry", "http", "net", "credential-alias")
_LINKED = ("registry", "git", "credentials.toml", "credentials")
_TRACKER = ".global-cache"
_PATHS = ("directory", "local-registry")  # of a source; relative ones go by where they are said
# Variables of the user's that cargo or rustc take for keys; a fetch needs none of them.
_KEYS = ("CARGO_BUILD_", "CARGO_TARGET_", "CARGO_PROFILE_", "CARGO_UNSTABLE_", "CARGO_RESOLVER_")
_NAMED = ("CARGO_ENCODED_RUSTFLAGS", "CARGO_INCREMENTAL", "CARGO_ALIAS_", "CARGO_PATHS", "RUST")


def cargo_home(environ: Mapping[str, str]) -> Path:
    """The user's own."""
    return Path(environ.get("CARGO_HOME") or Path.home() / ".cargo")


def lay_out(home: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Have our home in this folder, with the user's crates and nothing else of his; the variables
    that lead cargo there. ToolchainError where there is configuration that cannot be cut off."""
    refuse_what_lies_at_the_root()
    user = cargo_home(environ).absolute()
    with storage_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        (user / "registry").mkdir(parents=True, exist_ok=True)
        for name in _LINKED:
            _link(home / name, user / name)
        discard(home / "config")
        _keep_no_track(home / _TRACKER)
        publish_if_changed(home / "config.toml", tomlkit.dumps(_kept(user)).encode())
    return {"CARGO_HOME": str(home)}


def without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of the user but for those that would change what cargo does."""
    return {
        name: value for name, value in environ.items() if not name.startswith((*_KEYS, *_NAMED))
    }


def refuse_what_lies_at_the_root() -> None:
    """Above `/` there is nothing to go to: what lies there holds for every cargo of the machine."""
    for name in NAMES:
        path = CWD / ".cargo" / name
        if os.path.lexists(path):
            raise ToolchainError(
                "cargo's configuration at the root of the file system cannot be set aside",
                where=path,
                todo="remove it, or move it to a folder of its own below",
            )


def _keep_no_track(tracker: Path) -> None:
    """Cargo notes in a database which crates it has used when. In a box it gets no lock for that,
    and waits twenty seconds for one; where the database cannot be opened it goes on at once."""
    if tracker.is_symlink() or not tracker.is_dir():
        discard(tracker)
        tracker.mkdir()


def _link(link: Path, target: Path) -> None:
    if not target.exists():
        discard(link)
    elif not (link.is_symlink() and link.readlink() == target):
        discard(link)
        link.symlink_to(target)


def _kept(user: Path) -> dict[str, Any]:
    """Of the user's configuration in that home what concerns where crates are had from."""
    for name in reversed(NAMES):  # cargo takes `config` first
        with suppress(OSError, TOMLKitError, UnicodeDecodeError):
            told = tomlkit.parse((user / name).read_text("utf-8")).unwrap()
            kept = {table: told[table] for table in TABLES if isinstance(told.get(table), dict)}
            for source in kept.get("source", {}).values():
                _make_absolute(source, user.parent)
            return kept
    return {}


def _make_absolute(source: object, base: Path) -> None:
    for key in _PATHS if isinstance(source, dict) else ():
        assert isinstance(source, dict)
        if isinstance(source.get(key), str):
            source[key] = str(base / source[key])
