"""The Cargo.toml of a task: what can be built, and what is refused in which words."""

import tomllib

import pytest

from evolve_ai.model.errors import TaskError
from evolve_ai.substrates.rust.task_package import read_package

PATHS = frozenset({"src/main.rs", "src/lib.rs", "src/a.rs"})
HEAD = '[package]\nname = "roots"\nversion = "0.1.0"\nedition = "2021"\n'
REFUSED = {
    "": "no [package]",
    HEAD + 'build = "make.rs"\n': "package.build: build scripts are not supported",
    HEAD + "[workspace]\nmembers = ['x']\n": "a workspace of several packages",
    HEAD + "[build-dependencies]\ncc = '1'\n": "[build-dependencies] is not supported",
    HEAD + "[[bin]]\nname = 'a'\n[[bin]]\nname = 'b'\n": "it has several programs",
    HEAD + "[[bin]]\nname = 'a'\npath = 'src/b.rs'\n": "there is no src/b.rs",
    HEAD + "[dependencies]\nlibm = '0.2.16'\n": "libm is not among those that are allowed",
    HEAD + "[dependencies]\nlibm = { path = '/etc' }\n": "libm.path is not supported",
    HEAD + "[dependencies]\nnum-traits = '0.2'\n": "is asked for as '0.2', and allowed as '0.2.19'",
    "[package": "it is no TOML",
}


@pytest.mark.parametrize("text", REFUSED)
def test_package_that_cannot_be_built_is_refused_in_words(text: str) -> None:
    with pytest.raises(TaskError) as refused:
        read_package(text.encode(), PATHS, {"num-traits": "0.2.19"})
    assert REFUSED[text] in refused.value.what


def test_refused_crate_is_told_where_to_allow_it() -> None:
    with pytest.raises(TaskError, match="libm") as refused:
        read_package((HEAD + "[dependencies]\nlibm = '=0.2.16'\n").encode(), PATHS, {})
    assert 'write below [crates] of task.toml: libm = "0.2.16"' in str(refused.value.todo)


def test_build_script_is_refused() -> None:
    with pytest.raises(TaskError, match="build scripts"):
        read_package(HEAD.encode(), PATHS | {"build.rs"}, {})


def test_package_is_a_workspace_of_its_own_with_exact_crates() -> None:
    text = HEAD + "[dependencies]\nlibm = '0.2.16'\n[dev-dependencies]\nrand = '1'\n"
    found = read_package(text.encode(), PATHS, {"libm": "0.2.16"})
    told = tomllib.loads(found.manifest.decode())
    assert told["workspace"] == {}
    assert told["dependencies"] == {"libm": "=0.2.16"}
    assert "dev-dependencies" not in told
    assert (found.binary, found.main, found.library) == ("roots", "src/main.rs", "src/lib.rs")
    elsewhere = tomllib.loads(found.with_main("evolve/main.rs").decode())
    assert elsewhere["bin"] == [{"name": "roots", "path": "evolve/main.rs"}]


def test_profile_that_looks_at_the_whole_program_builds_each_alone() -> None:
    fat = HEAD + "[profile.release]\nlto = 'fat'\n"
    quick = HEAD + "[profile.release]\nopt-level = 2\npanic = 'abort'\n"
    assert not read_package(fat.encode(), PATHS, {}).may_be_together
    assert read_package(quick.encode(), PATHS, {}).may_be_together
