"""`evolve new --task`: a task that runs, in every language."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import evolve
from language_of import language_of
from scaffold_support import ScaffoldedTask

from evolve_ai.model.blocks import regions
from evolve_ai.model.errors import TemplateError, UsageError
from evolve_ai.pipelines import new_task
from evolve_ai.pipelines.new_task import scaffold_task, task_languages

LANGUAGES = ("c", "cpp", "go", "javascript", "python", "rust", "typescript")
SLOW = "go"  # its library is compiled first: tests/deep


def test_there_is_a_template_in_every_language() -> None:
    assert task_languages() == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_task_has_a_program_with_one_block(tmp_path: Path, language: str) -> None:
    made = scaffold_task(tmp_path / "task", language)
    (program,) = [path for path in made if path.stem == "program"]
    found = language_of(program.name)
    assert found is not None and found.name == language
    assert {*map(str, made)} == {
        ".gitignore", "README.md", "evaluate.py", "task.toml", program.name
    }  # fmt: skip
    data = (tmp_path / "task" / program).read_bytes()
    ((start, end),) = regions(data)
    assert 0 < start < end < len(data)
    assert program.name in (tmp_path / "task" / "README.md").read_text()


@pytest.fixture(params=[name for name in LANGUAGES if name != SLOW])
def task(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ScaffoldedTask]:
    made = ScaffoldedTask(tmp_path, request.param)
    yield made
    made.close()


def test_task_is_scored_the_same_each_time_and_broken_programs_are_not(
    task: ScaffoldedTask,
) -> None:
    program = task.program()
    first = task.score()
    assert first is not None
    assert task.score() == first
    ((start, end),) = regions(program)
    assert task.score(program[:start] + b")(" + program[end:]) is None
    assert task.score(program[:start] + program[end:]) is None
    assert task.score(program) == first


def test_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    scaffold_task(tmp_path / "task", "c")
    with pytest.raises(UsageError, match="is a task already"):
        scaffold_task(tmp_path / "task", "c")
    with pytest.raises(UsageError, match="is not empty"):
        scaffold_task(tmp_path, "c")
    with pytest.raises(UsageError, match="there is no template of a task in 'cobol'"):
        scaffold_task(tmp_path / "other", "cobol")
    assert [path.name for path in tmp_path.iterdir()] == ["task"]


def test_missing_templates_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_task, "TEMPLATES", tmp_path / "nowhere")
    with pytest.raises(TemplateError, match="no templates of tasks come with"):
        scaffold_task(tmp_path / "task", "c")


def test_missing_toolchain_is_a_warning(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": "/nowhere", "CARGO_HOME": "/nowhere"}
    done = evolve("new", tmp_path / "task", "--task", "go", env=environment)
    assert "warning: there is no `go`; install Go" in done.err
    assert f"Next: evolve improve {tmp_path / 'task'}" in done.out
    assert (tmp_path / "task" / "program.go").exists()


def test_language_without_a_template_is_a_usage_error(tmp_path: Path) -> None:
    done = evolve("new", tmp_path / "task", "--task", "cobol")
    assert done.code == 2
    assert "'cobol' is not one of 'c', 'cpp', 'go'" in done.err


@pytest.mark.parametrize(
    ("body", "cause"),
    [("for (;;) {}", "timeout"), ("__builtin_trap();", "crash"), ("return no_name;", "build")],
)
def test_cause_of_a_failure_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, cause: str
) -> None:
    scaffold_task(tmp_path / "task", "c")
    program = tmp_path / "task" / "program.c"
    ((start, end),) = regions(program.read_bytes())
    text = f"static double sine(double x) {{ {body} }}\n".encode()
    data = program.read_bytes()
    program.write_bytes(data[:start] + text + data[end:])
    spec = importlib.util.spec_from_file_location("evaluate_c", tmp_path / "task" / "evaluate.py")
    assert spec and spec.loader
    evaluator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(evaluator)
    monkeypatch.setattr(evaluator, "SECONDS", 0.5)
    monkeypatch.setenv("EVOLVE_SCRATCH", str(tmp_path))
    found = evaluator.evaluate(str(program))
    assert found["evolve_fault"] == cause and found["reason"]
