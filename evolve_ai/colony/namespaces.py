"""Puts a keeper and its agents into namespaces (bubblewrap), and tests what those guarantee."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from evolve_ai.colony.keeper import Keeper
from evolve_ai.model.errors import SandboxError
from evolve_ai.model.guarantee import Guarantee
from evolve_ai.system.bubblewrap import NAMESPACES, around

# What the keeper itself loads; independent of the language of its agents.
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/nix/store", "/etc/ld.so.cache")
_OTHERS = ("/etc/passwd", "/home", "/root", "/tmp", "/var")  # where secrets may lie
_ORPHAN_SECONDS = 2
_LAST = 5.0


def around_keeper(
    bwrap: Path, program: Path, folder: Path, agents: Iterable[Path], readable: Iterable[str | Path]
) -> tuple[str, ...]:
    """The command words before those of a keeper in this folder. It then sees only its own folder
    and those of its agents, and, read-only, its own program, libraries and the `readable` paths."""
    seen = (program.parent, *map(Path, _LIBRARIES), *map(Path, readable))
    return around(bwrap, folder, seen, (folder, *agents))


def tried(bwrap: Path, program: Path, folder: Path) -> tuple[Guarantee, ...]:
    """What the namespaces guarantee, tested by a keeper that is started in them, in a new folder
    below this one. Raises SandboxError when it cannot be started."""
    own, hidden = folder / "keeper", folder / "hidden"
    own.mkdir(parents=True, exist_ok=True)
    hidden.touch()
    try:
        words = around_keeper(bwrap, program, own, (), ())
        keeper = Keeper.open(own, program, _ORPHAN_SECONDS, around=words)
    except SandboxError:
        raise
    except Exception as error:
        raise SandboxError(f"a keeper cannot be started in namespaces: {error}") from error
    with keeper:
        try:
            return tuple(_guarantees(keeper.identity.pid, hidden))
        except OSError as error:
            raise SandboxError(f"namespaces cannot be inspected: {error}") from error
        finally:
            keeper.leave(_LAST)


def _guarantees(pid: int, hidden: Path) -> Iterator[Guarantee]:
    there = Path(f"/proc/{pid}")
    shared = [
        name
        for name in NAMESPACES
        if (there / "ns" / name).readlink() == Path(f"/proc/self/ns/{name}").readlink()
    ]
    told = f"it shares {', '.join(shared)} with us" if shared else f"{', '.join(NAMESPACES)}"
    yield Guarantee("namespaces", not shared, f"a keeper has its own: {told}")
    others = [path for path in (*map(Path, _OTHERS), hidden) if path.exists()]
    others = [path for path in others if path not in hidden.parents]
    seen = [str(path) for path in others if (there / "root" / path.relative_to("/")).exists()]
    told = (
        f"it sees {', '.join(seen)}" if seen else f"it sees none of {', '.join(map(str, others))}"
    )
    yield Guarantee("out of sight", not seen, f"the keeper's files: {told}")
    lines = (there / "net" / "dev").read_text(encoding="utf-8").splitlines()[2:]
    interfaces = [line.partition(":")[0].strip() for line in lines]
    alone = set(interfaces) <= {"lo"}
    yield Guarantee("own network", alone, f"its interfaces are: {', '.join(interfaces) or 'none'}")
