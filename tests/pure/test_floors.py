"""The house: floors, walls between plug-in families, and rooms that stay small."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "evolve_ai"
FAMILIES = (
    "substrates",
    "environments",
    "selection",
    "variation",
    "executors",
    "notifications",
    "state",
    "languages",
    "proposers",
    "archives",
    "evaluators",
    "runners",
)
FLOORS = {
    "model": 0,
    "contracts": 1,
    "system": 1,
    "guards": 2,
    **dict.fromkeys(FAMILIES, 2),
    "colony": 3,
    "stages": 4,
    "search": 4,
    "session": 5,
    "modes": 6,
    "inspection": 6,
    "operator": 6,
    "pipelines": 7,
    "worlds": 7,
    "plugins": 8,
    "ui": 8,
    "searches": 9,
    "api": 10,
    "cli": 10,
    "__main__": 11,
}
LONGEST_FILE = 400
LONGEST_FUNCTION = 40

MODULES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if not {"agent_template", "task_templates"} & set(path.relative_to(PACKAGE).parts)
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _place(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


def _room(module: str) -> str:
    """The folder or file directly below the package that a module belongs to."""
    return module.split(".")[1] if "." in module else ""


def _dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    """(line, absolute name of what is imported); relative imports resolved."""
    package = _dotted(path) if path.name == "__init__.py" else _dotted(path).rpartition(".")[0]
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*up, base]).rstrip(".")
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def _offences(path: Path) -> Iterator[str]:
    here = _room(_dotted(path))
    for line, name in _imports(path):
        there = _room(name) if name.startswith("evolve_ai.") else ""
        if here not in FLOORS or there not in FLOORS or there == here:
            continue
        if FLOORS[there] >= FLOORS[here]:
            yield f"{_place(path)}:{line}: {here} must not import {name}"


def _functions(path: Path) -> Iterator[Function]:
    yield from (node for node in ast.walk(_tree(path)) if isinstance(node, Function))


def test_every_room_has_a_floor() -> None:
    rooms = {_room(_dotted(path)) for path in MODULES} - {""}
    assert rooms <= set(FLOORS), f"no floor for {sorted(rooms - set(FLOORS))}"


def test_imports_go_down_only_and_no_family_imports_another() -> None:
    assert not [offence for path in MODULES for offence in _offences(path)]


@pytest.mark.parametrize("library", ["subprocess", "psutil"])
def test_processes_are_handled_in_system_only(library: str) -> None:
    offences = [
        f"{_place(path)}:{line}"
        for path in MODULES
        for line, name in _imports(path)
        if name.split(".")[0] == library and _room(_dotted(path)) != "system"
    ]
    assert not offences


def test_no_import_hides_in_a_function() -> None:
    offences = [
        f"{_place(path)}:{node.lineno}"
        for path in MODULES
        for function in _functions(path)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not offences


def test_first_line_of_a_module_says_what_it_owns() -> None:
    offences = [_place(path) for path in MODULES if not _says_what_it_owns(path)]
    assert not offences


def _says_what_it_owns(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    return text.startswith('"""') and bool(ast.get_docstring(_tree(path)))


def test_files_have_one_subject() -> None:
    lengths = {_place(path): len(path.read_text().splitlines()) for path in MODULES}
    assert not {place: lines for place, lines in lengths.items() if lines > LONGEST_FILE}


def test_functions_fit_a_screen() -> None:
    offences = [
        f"{_place(path)}:{function.lineno} {function.name}: {_length(function)} lines"
        for path in MODULES
        for function in _functions(path)
        if _length(function) > LONGEST_FUNCTION
    ]
    assert not offences


def _length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_only_the_command_line_prints_and_exits() -> None:
    offences = [
        f"{_place(path)}:{node.lineno}"
        for path in MODULES
        if _room(_dotted(path)) not in ("cli", "__main__")
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.exit", "exit")
    ]
    assert not offences
