"""The profile: what the settings say of compiling, laid over what the template says."""

import hashlib
import re
from typing import Any

from evolve_ai.model.errors import SettingsError
from evolve_ai.model.settings import BuildSettings
from evolve_ai.substrates.rust.toolchain import Toolchain, said

NATIVE = "native"
_WHERE = "evolve.toml"
_NAMED = re.compile(r"^ +(\S+)", re.MULTILINE)
_FEATURE = re.compile(r'^target_feature="(.+)"$', re.MULTILINE)
_CURRENT = re.compile(r"^ +native +.*\(currently ([^ )]+)\)", re.MULTILINE)


def release(build: BuildSettings) -> dict[str, Any]:
    """What `[profile.release]` is to say in place of the template's own words."""
    level = int(build.opt_level) if build.opt_level.isdigit() else build.opt_level
    wanted = {"opt-level": level, "panic": build.panic, "debug": build.debug}
    if build.debug not in ("", "none"):
        wanted["strip"] = "none"  # or the linker would throw away what was asked for
    return {key: value for key, value in wanted.items() if value != ""}


def rust_flags(build: BuildSettings) -> tuple[str, ...]:
    """What no manifest can say, as words for rustc."""
    return ("-C", f"target-cpu={build.target_cpu}") if build.target_cpu else ()


def processor(build: BuildSettings, tools: Toolchain) -> str:
    """The processor compiled for, in words that differ where the programs would.

    Raises SettingsError for a processor that rustc does not know, or that can do more than the one
    here; ToolchainError without rustc.
    """
    if not build.target_cpu:
        return "generic"
    listed = said(str(tools.rustc), "--print", "target-cpus", home=tools.home)
    if build.target_cpu not in _NAMED.findall(listed):
        raise SettingsError(
            f"build.target_cpu: rustc knows no processor {build.target_cpu!r}",
            where=_WHERE,
            todo="take a name that `rustc --print target-cpus` lists",
        )
    able = _features(NATIVE, tools)
    if build.target_cpu != NATIVE:
        _refuse_what_would_not_run(build.target_cpu, able, tools)
        return build.target_cpu
    # A store may be carried to another machine, where the same word means something else.
    name = _CURRENT.search(listed)
    listed = "\n".join(sorted(able))
    return f"{name[1] if name else NATIVE} {hashlib.sha256(listed.encode()).hexdigest()}"


def _refuse_what_would_not_run(name: str, able: frozenset[str], tools: Toolchain) -> None:
    """Every agent would die of SIGILL, and none could help it."""
    lacking = sorted(_features(name, tools) - able)
    if lacking:
        raise SettingsError(
            f"build.target_cpu: programs for {name!r} would not run here, where the processor has "
            f"no {', '.join(lacking[:5])}",
            where=_WHERE,
            todo='say "native", or leave it empty',
        )


def _features(name: str, tools: Toolchain) -> frozenset[str]:
    """What a processor can do, also what stable Rust has no name for yet."""
    asked = ("-C", f"target-cpu={name}", "--print", "cfg")
    told = said(str(tools.rustc), *asked, home=tools.home, RUSTC_BOOTSTRAP="1")
    return frozenset(_FEATURE.findall(told))
