"""Tests of the audit as a policy: every rule can be broken, and settings change what they may."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rust_support import FIXTURES, copy_template

from evolve_ai.model.audit_settings import AuditSettings
from evolve_ai.model.errors import SettingsError, TemplateError
from evolve_ai.model.report import Severity, SourceReport
from evolve_ai.substrates.rust.dependencies import crate_roots
from evolve_ai.substrates.rust.policy import DEFAULT, MAX_FINDINGS, SEALED_MACROS, Policy, policy_of
from evolve_ai.substrates.rust.rules import RULES
from evolve_ai.substrates.rust.source import MAX_SOURCE_BYTES, read_source
from evolve_ai.substrates.rust.substrate import RustSubstrate

CRATES = FIXTURES / "audit"
PAGE = Path(__file__).parents[4] / "docs" / "audit.md"
REPEATABLE = {"hashed-order", "address"}
HEAD = "use crate::kernel::Agent;\n"


def read(code: str, policy: Policy = DEFAULT) -> SourceReport:
    return read_source("src/genes/x.rs", (HEAD + code).encode(), policy)


def rules_broken(code: str, policy: Policy = DEFAULT) -> set[str]:
    return {finding.rule for finding in read(code, policy).findings}


def test_every_rule_has_a_crate_that_breaks_it() -> None:
    assert {path.name for path in CRATES.iterdir()} == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_crate_breaks_exactly_its_rule(rule: str) -> None:
    roots = crate_roots((CRATES / rule / "Cargo.toml").read_bytes())
    code = (CRATES / rule / "src" / "lib.rs").read_bytes()
    report = read_source("src/lib.rs", code, Policy(roots))
    assert [finding.rule for finding in report.findings] == [rule]
    assert report.findings[0].severity is Severity.ERROR
    assert report.syntax_error or report.audit_error


def test_page_lists_every_rule() -> None:
    rows = re.findall(r"(?m)^\| `([a-z-]+)` \| ([a-z ]+) \| (.*) \|$", PAGE.read_text())
    kinds = {True: "repeatable history", False: "safety"}
    assert rows == [(one.id, kinds[one.repeatable], one.reason) for one in RULES.values()]


def test_finding_names_rule_line_and_column() -> None:
    report = read('// \u00fc\npub fn f() { /* \u00e9 */ std::fs::read("x"); }\n')
    (finding,) = report.findings
    assert (finding.line, finding.column) == (3, 22)
    assert report.audit_error == f"line 3: {finding.text} [std-path]"


def test_all_findings_are_told_in_order() -> None:
    report = read("use std::fs;\nstatic X: u8 = 1;\n#[test]\nfn f() {}\n")
    assert [(one.line, one.rule) for one in report.findings] == [
        (2, "std-path"),
        (3, "static"),
        (4, "attribute"),
    ]


def test_error_is_not_lost_among_very_many_warnings() -> None:
    policy = policy_of(AuditSettings(warnings=("hashed-order",)))
    report = read("use std::collections::HashMap;\n" * 1000 + "use std::fs;\n", policy)
    assert len(report.findings) == MAX_FINDINGS
    assert "std::fs" in (report.audit_error or "")


def test_rules_that_may_only_warn_are_those_on_repeatable_histories() -> None:
    assert {one.id for one in RULES.values() if one.repeatable} == REPEATABLE
    policy = policy_of(AuditSettings(warnings=tuple(REPEATABLE)))
    report = read(
        "use std::collections::HashMap;\n"
        "pub fn f() { HashMap::<u8, u8>::new(); vec![1].as_ptr(); }\n",
        policy,
    )
    assert {one.rule for one in report.findings} == REPEATABLE
    assert {one.severity for one in report.findings} == {Severity.WARNING}
    assert report.audit_error is None


@pytest.mark.parametrize("rule", sorted(RULES.keys() - REPEATABLE))
def test_rule_that_safety_rests_on_cannot_be_lowered(rule: str) -> None:
    with pytest.raises(SettingsError, match=f"audit.warnings: {rule} .* safety rests on it"):
        policy_of(AuditSettings(warnings=(rule,)))


def test_unknown_rule_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"audit.warnings: nothing is no rule"):
        policy_of(AuditSettings(warnings=("nothing",)))


def test_path_of_the_settings_is_allowed_with_all_below_it() -> None:
    policy = policy_of(AuditSettings(paths=("std::time::Duration",)))
    code = "use std::time::Duration;\npub fn f() -> Duration { Duration::from_secs(1) }\n"
    assert rules_broken(code) == {"std-path"}
    assert not rules_broken(code, policy)
    assert rules_broken("use std::time::Instant;", policy) == {"std-path"}
    assert rules_broken("use std::time;", policy) == {"std-path"}


@pytest.mark.parametrize("path", ["libc::getpid", "crate::kernel", "super::x", "alloc::vec"])
def test_path_outside_the_standard_library_is_refused(path: str) -> None:
    with pytest.raises(SettingsError, match="no path of the standard library"):
        policy_of(AuditSettings(paths=(path,)))


def test_macro_of_the_settings_is_allowed_by_its_own_name() -> None:
    policy = policy_of(AuditSettings(macros=("concat",)), frozenset({"libm"}))
    code = 'pub const X: &str = concat!("a", "b");\n'
    assert rules_broken(code) == {"macro"}
    assert not rules_broken(code, policy)
    assert rules_broken("use libm::made as concat;", policy) == {"hidden-name"}
    assert not rules_broken("use libm::concat;", policy)


@pytest.mark.parametrize("macro", sorted(SEALED_MACROS))
def test_macro_that_nobody_sees_through_cannot_be_allowed(macro: str) -> None:
    with pytest.raises(SettingsError, match=f"audit.macros: {macro} can never be allowed"):
        policy_of(AuditSettings(macros=(macro,)))


def test_substrate_refuses_such_settings_at_once() -> None:
    with pytest.raises(SettingsError):
        RustSubstrate(audit=AuditSettings(macros=("include_str",)))


def test_hash_is_another_for_another_policy() -> None:
    policies = [
        DEFAULT,
        policy_of(AuditSettings(paths=("std::time",))),
        policy_of(AuditSettings(macros=("concat",))),
        policy_of(AuditSettings(warnings=("address",))),
        Policy(frozenset({"libm"})),
    ]
    assert len({policy.hash for policy in policies}) == len(policies)
    assert policy_of(AuditSettings()).hash == DEFAULT.hash
    twice = AuditSettings(paths=("std::time", "std::time", "std::vec"))
    assert policy_of(twice).hash == policies[1].hash


def test_template_is_read_by_the_same_policy(tmp_path: Path) -> None:
    template = copy_template(tmp_path / "template")
    gene = template / "src" / "genes" / "alpha.rs"
    gene.write_text(gene.read_text() + "\npub const WAIT: std::time::Duration = todo!();\n")
    with pytest.raises(TemplateError, match=r"`std::time::Duration` .*\[std-path\]"):
        RustSubstrate().read_pool(template)
    lax = RustSubstrate(audit=AuditSettings(paths=("std::time",)))
    pool = lax.read_pool(template)
    (source,) = (one for one in pool.sources if one.path.endswith("alpha.rs"))
    assert not source.findings
    assert lax.read_source(source.path, gene.read_bytes(), pool.manifests) == source
    assert lax.policy_hash(pool.manifests) != RustSubstrate().policy_hash(pool.manifests)


HOSTILE = {
    "unsafe by a raw name": "pub fn r#unsafe() {}",
    "std by a raw name": "use r#std::fs;",
    "keyword by a raw name": "pub fn f() { r#static(); }",
    "doc of a file": '#[doc = include_str!("/etc/passwd")]\npub fn f() {}',
    "inner doc of a file": '#![doc = include_str!("/etc/passwd")]',
    "doc by a macro": '#[doc = concat!("a", "b")]\npub fn f() {}',
    "conditional attribute": "#[cfg_attr(all(), no_mangle)]\npub fn f() {}",
    "attribute in an attribute": "#[allow(dead_code), no_mangle]\npub fn f() {}",
    "tool attribute": "#[rustfmt::skip]\npub fn f() {}",
    "crate attribute": "#![no_std]",
    "letters that look alike": "pub fn \u0440ub() {}",
    "letters that count as others": "pub fn \u212a() {}",
    "alike in a use": "use crate::genes::\u0430;",
    "escaped braces": 'pub fn f() { println!("\\u{7b}:p\\u{7d}", &1); }',
    "macro in macros": 'pub fn f() { vec![vec![vec![env!("HOME")]]]; }',
    "macro in a type": "pub type T = made!();",
    "macro in a pattern": "pub fn f() { let made!() = 1; }",
    "macro as an item": "made! { fn hidden() {} }",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_code_is_refused(name: str) -> None:
    report = read(HOSTILE[name])
    assert report.audit_error or report.syntax_error


SOUP = (
    "use std core alloc crate super self Self kernel genes Agent r#std r#unsafe r#fn unsafe static "
    "extern mod const mut dyn async gen yield macro macro_rules! include_str! vec! println! env! "
    "#[derive( #[cfg_attr( #![ #[doc = )] ] [ { } ( ) < > :: ; , . .. ..= => -> & && | || ! ? @ $ "
    "$x:expr ' 'a 'static \" \\ \\u{7b} \\x70 r\" r#\" b' /* */ // /// //! #! #!/bin/sh 0x 1e9 "
    "{:p} trait_in as fn pub pub(in struct enum union impl for where loop while match if let else "
    "return break as_ptr evolve_ \u202e \u0430 \u212a \u00e9 \ufeff \0 \n \r\n"
)


@settings(max_examples=400)
@given(st.lists(st.sampled_from(SOUP.split(" ")) | st.text(max_size=4), max_size=60), st.booleans())
def test_reading_never_raises_for_token_soup(words: list[str], apart: bool) -> None:
    code = (" " if apart else "").join(words).encode("utf-8", "surrogatepass")
    report = read_source("src/genes/x.rs", code)
    assert len(report.findings) <= MAX_FINDINGS
    assert all(one.rule in RULES and one.line > 0 and one.column > 0 for one in report.findings)


LONG = {
    "brackets": "(" * MAX_SOURCE_BYTES,
    "generics": "fn f() { a::<" + "Vec<" * 200_000,
    "const blocks": "fn f() { " + "const { " * 100_000 + "}" * 100_000 + "}",
    "constants of constants": "".join(f"const A{n}: usize = A{n + 1} * 2;" for n in range(25_000)),
    "chain of conditions": "fn h() {}\nfn f() { if "
    + " && ".join(f"let Some(a{n}) = h" for n in range(20_000))
    + " {} }",
    "parameters": "fn h() {}\nfn f("
    + ",".join(f"a{n}: u8" for n in range(20_000))
    + ") { "
    + "h; " * 20_000
    + "}",
    "imports": "use std::f64;" * 50_000,
    "use trees": "use crate::{" * 5_000 + "x" + "}" * 5_000 + ";",
    "wide use trees": "use crate::{" * 300 + "x," * 300_000 + "}" * 300 + ";",
    "impls": "struct S;" + "impl S {}" * 50_000,
    "casts": "fn f() { " + "1 as u8; " * 50_000 + "}",
    "macros": "fn f() { vec![" + "[x; 1]," * 50_000 + "]; }",
    "closures": "fn f() { [" + "|x| x," * 50_000 + "]; }",
    "comments": "/*" * 300_000,
    "strings": '"{:' * 200_000,
    "attributes": "#[a]" * 100_000 + "fn f() {}",
}


@pytest.mark.parametrize("name", LONG)
def test_large_hostile_file_is_read_in_seconds(name: str) -> None:
    code = LONG[name].encode()[:MAX_SOURCE_BYTES]
    begun = time.process_time()
    report = read_source("src/genes/x.rs", code)
    assert time.process_time() - begun < 30
    assert len(report.findings) <= MAX_FINDINGS
