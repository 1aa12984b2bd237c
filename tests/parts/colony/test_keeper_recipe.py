"""What the keeper is made of: one key for whoever ships, keeps or compiles it."""

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from evolve_ai.colony import keeper_recipe
from evolve_ai.colony.keeper_recipe import PROGRAM, SOURCE, command, key

_LOADER = 3  # PT_INTERP, elf(5)


def key_of_alone(recipe: Path) -> tuple[str, Path]:
    """Key and place, as told to a Python that has nothing but its own library."""
    script = (
        "import runpy, sys; told = runpy.run_path(sys.argv[1]); "
        "print(told['key'](), told['shipped'](), sep='\\n')"
    )
    argv = [sys.executable, "-I", "-S", "-c", script, recipe]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    name, place = done.stdout.splitlines()
    return name, Path(place)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """The recipe and the keeper, as where a wheel is built."""
    package = tmp_path / "evolve_ai"
    shutil.copytree(SOURCE, package / "keeper" / "src")
    (package / "colony").mkdir()
    return Path(shutil.copy(keeper_recipe.__file__, package / "colony"))


def test_key_needs_nothing_but_python_and_is_that_of_the_sources(sources: Path) -> None:
    name, place = key_of_alone(sources)
    assert name == key()
    assert place == sources.parents[1] / "keeper" / "bin" / key() / PROGRAM


def test_other_sources_or_options_have_another_key(sources: Path) -> None:
    text = sources.read_text()
    sources.write_text(text.replace("opt-level=2", "opt-level=3"))
    other_options, _ = key_of_alone(sources)
    sources.write_text(text)
    with (sources.parents[1] / "keeper" / "src" / "main.rs").open("a") as file:
        file.write("// changed\n")
    other_sources, _ = key_of_alone(sources)
    assert len({key(), other_options, other_sources}) == 3


def test_command_names_no_folder_of_whoever_compiles() -> None:
    words = command(Path("program"))
    assert f"--remap-path-prefix={SOURCE}=keeper" in words
    assert set(words) - set(command(Path("program"), static=False)) == {
        "target-feature=+crt-static"
    }


def test_program_asks_for_no_library(keeper: Path) -> None:
    found = subprocess.run(["cc", "-print-file-name=libc.a"], capture_output=True, text=True)
    if not Path(found.stdout.strip()).is_absolute():
        pytest.skip("there is no static libc here")
    assert _LOADER not in segments(keeper.read_bytes())


def segments(program: bytes) -> list[int]:
    """The types of the program headers of a 64-bit ELF file (elf(5))."""
    (at,) = struct.unpack_from("<Q", program, 32)
    size, count = struct.unpack_from("<HH", program, 54)
    return [struct.unpack_from("<I", program, at + size * number)[0] for number in range(count)]
