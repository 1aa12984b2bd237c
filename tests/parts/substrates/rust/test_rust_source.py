"""Tests of reading one gene file."""

from rust_support import TEMPLATE

from evolve_ai.model.report import SourceReport
from evolve_ai.substrates.rust.source import MAX_SOURCE_BYTES, read_source


def read(code: str) -> SourceReport:
    return read_source("src/genes/x.rs", code.encode())


def test_gene_has_exactly_the_signature() -> None:
    report = read(
        "pub fn one(agent: &mut Agent) {}\n"
        "pub fn two(me: &mut Agent,) {}\n"
        "pub /* x */ fn three(_: & mut Agent) { }\n"
        "fn private(agent: &mut Agent) {}\n"
        "pub fn reads(agent: &Agent) {}\n"
        "pub fn answers(agent: &mut Agent) -> f64 { 1.0 }\n"
        "pub fn generic<T>(agent: &mut Agent) {}\n"
        "pub fn lifetime<'a>(agent: &'a mut Agent) {}\n"
        "pub fn more(agent: &mut Agent, x: f64) {}\n"
        "pub fn other(agent: &mut Other) {}\n"
        "pub async fn later(agent: &mut Agent) {}\n"
        "pub(crate) fn half(agent: &mut Agent) {}\n"
        "pub const fn constant(agent: &mut Agent) {}\n"
        "pub struct S; impl S { pub fn method(agent: &mut Agent) {} }\n"
        "pub fn four(agent: &mut Agent) {}\n"
    )
    assert report.genes == ("one", "two", "three", "four")
    assert report.functions == 15


def test_traits_are_the_names_given_to_trait_in() -> None:
    report = read(
        "use crate::kernel::Agent;\n"
        "pub fn run(agent: &mut Agent) {\n"
        '    let x = agent.trait_in("lag", 1.0, 2.0);\n'
        '    println!("{}", agent\n        .trait_in("gain", 0.0, 1.0));\n'
        '    // agent.trait_in("comment", 0.0, 1.0)\n'
        '    let text = "agent.trait_in(\\"text\\")";\n'
        "}\n"
    )
    assert report.traits == ("gain", "lag")
    assert report.audit_error is None


def test_uses_are_found_in_trees_paths_and_macros() -> None:
    report = read(
        "use crate::genes::a;\n"
        "use crate::genes::{b, c::{self, thing}, d::*};\n"
        "use crate::{genes::{e as other}, kernel::Agent};\n"
        "pub fn f(x: crate::genes::g::T) { crate::genes::h::y(); vec![crate::genes::i::z()]; }\n"
    )
    assert report.uses == tuple(f"src/genes/{name}.rs" for name in "abcdeghi")
    assert report.audit_error is None


def test_complexity_counts_functions_and_decisions() -> None:
    report = read(
        "fn one() {}\n"
        "fn nine(x: Option<u8>) -> Option<u8> {\n"
        "    if x? > 1 && true || false {}\n"  # if, ?, &&, ||
        "    while false {}\n"
        "    for _ in 0..1 { loop {} }\n"
        "    match x { None => {} Some(1) => {} Some(_) => {} }\n"  # two beyond the first
        "    x\n"
        "}\n"
        "const X: bool = true && false;\n"
    )
    assert report.complexity == 1 + 1 + 4 + 1 + 2 + 2
    assert report.functions == 2


def test_lines_are_counted_with_and_without_a_last_break() -> None:
    assert read("").lines == 0
    assert read("fn f() {}").lines == 1
    assert read("fn f() {}\n").lines == 1
    assert read("\n\nfn f() {}").lines == 3


def test_syntax_error_names_line_and_what() -> None:
    assert (read("\nfn f() {\n    let x = ;\n}\n").syntax_error or "").startswith("line 3: ")
    assert "missing" in (read("fn f() {\n    g(1\n}\n").syntax_error or "")


def test_file_that_is_not_utf8_is_reported_with_its_line() -> None:
    report = read_source("src/genes/x.rs", b"// a\n// \xff\n")
    assert report.syntax_error == "line 2: not UTF-8 (byte 8 is 0xff)"


def test_file_that_is_too_large_is_not_parsed() -> None:
    report = read_source("src/genes/x.rs", b" " * (MAX_SOURCE_BYTES + 1))
    assert "more than" in (report.syntax_error or "")


def test_report_depends_on_content_alone() -> None:
    code = b"pub fn f() { crate::genes::x::g(); }\n"
    assert read_source("src/genes/x.rs", code).uses == read_source("src/genes/y.rs", code).uses


def test_every_gene_file_of_the_template_passes() -> None:
    for path in sorted((TEMPLATE / "src" / "genes").glob("*.rs")):
        if path.name == "mod.rs":
            continue
        report = read_source(f"src/genes/{path.name}", path.read_bytes())
        assert report.syntax_error is None
        assert report.audit_error is None
        assert report.genes
