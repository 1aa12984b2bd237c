"""Errors of the compiler by which safe code reads memory that is gone: real rustc takes each of
these, and a real program shows what it read; no setting lets one through the audit."""

import subprocess
from pathlib import Path

import pytest
from rust_support import TEMPLATE

from evolve_ai.model.audit_settings import AuditSettings
from evolve_ai.model.errors import SettingsError
from evolve_ai.substrates.rust.policy import policy_of
from evolve_ai.substrates.rust.rules import RULES
from evolve_ai.substrates.rust.source import read_source

WORST = policy_of(AuditSettings(warnings=tuple(r.id for r in RULES.values() if r.repeatable)))
# What `extend` gives back is text that is gone by the time it is looked at.
EXPLOITS = {
    "a function that became a pointer": """
fn longer<'a, 'b, T: ?Sized>(_: &'a &'b (), value: &'b T) -> &'a T { value }
fn extend<'a>(text: &'a str) -> Box<dyn AsRef<str>> {
    let widened: for<'x> fn(_, &'x str) -> &'static str = longer;
    Box::new(widened(&&(), text))
}""",
    "an associated type of a parameter": """
use std::iter;
fn kept<I: Iterator + 'static>(_: &I, item: I::Item) -> Box<dyn AsRef<str>>
where I::Item: AsRef<str> { Box::new(item) }
fn extend<'a>(text: &'a str) -> Box<dyn AsRef<str>> {
    kept(&iter::from_fn(|| -> Option<&'a str> { None }), text)
}""",
    "a qualified one": """
use std::iter;
fn kept<I: Iterator<Item: AsRef<str>> + 'static>(
    _: &I, item: <I as Iterator>::Item) -> Box<dyn AsRef<str>> { Box::new(item) }
fn extend<'a>(text: &'a str) -> Box<dyn AsRef<str>> {
    kept(&iter::from_fn(|| -> Option<&'a str> { None }), text)
}""",
    "an associated type of a trait, and a type that an impl learns": """
trait Keeps {
    type Kept: AsRef<str>;
    fn keep<'s>(&'s self, kept: Self::Kept) -> Box<dyn AsRef<str> + 's> { Box::new(kept) }
}
struct Holder<F>(F);
impl<R: AsRef<str>, F: Fn() -> R> Keeps for Holder<F> { type Kept = R; }
fn extend<'a>(text: &'a str) -> Box<dyn AsRef<str>> {
    Box::leak(Box::new(Holder(|| -> &'a str { "" }))).keep(text)
}""",
    "an item that was peeked at": """
use std::iter;
use std::iter::Peekable;
fn kept<I: Iterator<Item: AsRef<str>> + 'static>(mut it: Peekable<I>) -> Box<dyn AsRef<str>> {
    Box::new(it.next().unwrap())
}
fn extend<'a>(text: &'a str) -> Box<dyn AsRef<str>> {
    let mut once = iter::from_fn(|| -> Option<&'a str> { Some("") }).peekable();
    if let Some(item) = once.peek_mut() { *item = text; }
    kept(once)
}""",
}
OTHERS = {
    "overlap of an object with an impl for all (rust-lang/rust#57893)": """
trait Object<U> { type Output; }
impl<T: ?Sized, U> Object<U> for T { type Output = U; }
fn foo<T: ?Sized, U>(x: <T as Object<U>>::Output) -> U { x }
fn become_it<T, U>(x: T) -> U { foo::<dyn Object<U, Output = T>, U>(x) }""",
    "a symbol of the C library": "#[unsafe(no_mangle)]\npub fn malloc(_: usize) -> usize { 0 }",
    "the same, before 2024": "#[no_mangle]\npub fn malloc(_: usize) -> usize { 0 }",
    "a symbol by its name": '#[export_name = "malloc"]\npub fn f(_: usize) -> usize { 0 }',
    "a section": '#[link_section = ".init_array"]\npub const A: usize = 1;',
    "memory by a file": 'pub fn f() { let _ = std::fs::read("/proc/self/mem"); }',
    "assembly": 'core::arch::global_asm!("nop");',
    "a file's text": 'pub fn f() { include!("/etc/passwd"); }',
    "the environment": 'pub fn f() -> &\'static str { env!("HOME") }',
    "a module elsewhere": '#[path = "/etc/passwd"]\nmod m;',
    "pins": "use std::pin::Pin;\npub fn f(_: Pin<Box<u8>>) {}",
}
MAIN = """
fn main() {
    let kept = { let text = String::from("a text that is gone"); extend(&text) };
    let other = String::from("another text, there");
    assert_eq!(AsRef::<str>::as_ref(&*kept).as_bytes(), b"a text that is gone", "{other}");
}
"""


def rules_broken(code: str) -> set[str]:
    report = read_source("src/genes/x.rs", code.encode(), WORST)
    return {one.rule for one in report.findings if report.audit_error}


@pytest.mark.parametrize("name", EXPLOITS)
def test_compiler_takes_what_reads_memory_that_is_gone_and_the_audit_does_not(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "main.rs").write_text(EXPLOITS[name] + MAIN)
    argv = ["rustc", "--edition", "2021", "-A", "warnings", "main.rs"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this compiler has been mended: {done.stderr[:200]}")
    ran = subprocess.run([str(tmp_path / "main")], capture_output=True)
    assert ran.returncode, "it read what was there no more"
    assert rules_broken(EXPLOITS[name]) & {"function-value", "lost-lifetime"}


@pytest.mark.parametrize("name", OTHERS)
def test_other_ways_out_of_safe_code_are_refused_at_the_worst_settings(name: str) -> None:
    assert rules_broken(OTHERS[name])


@pytest.mark.parametrize("rule", ["function-value", "lost-lifetime"])
def test_rule_against_an_error_of_the_compiler_cannot_be_lowered(rule: str) -> None:
    with pytest.raises(SettingsError, match="safety rests on it"):
        policy_of(AuditSettings(warnings=(rule,)))


def test_ordinary_generic_code_is_let_through() -> None:
    code = """
use std::ops::Add;
struct Pair<T>(T, T);
impl<T: Add<Output = T> + Copy> Pair<T> { fn sum(&self) -> T { self.0 + self.1 } }
struct Meters(f64);
impl Add for Meters {
    type Output = Meters;
    fn add(self, other: Self) -> Self::Output { Meters(self.0 + other.0) }
}
fn mean<I: Iterator<Item = f64>>(items: I) -> f64 { items.sum() }
struct Counter(u32);
impl Iterator for Counter { type Item = u32; fn next(&mut self) -> Option<Self::Item> { None } }
"""
    assert rules_broken(code) == set()
    for file in (TEMPLATE / "src" / "genes").glob("*.rs"):
        assert "lost-lifetime" not in rules_broken(file.read_text())


def test_addresses_that_may_be_shown_are_numbers_only() -> None:
    """To read by one takes `unsafe`, whatever is lowered."""
    code = "pub fn f() -> u8 { let v = vec![1u8]; let p = v.as_ptr(); unsafe { *p } }"
    assert rules_broken(code) == {"unsafe-code", "address"}
    assert rules_broken("pub fn f() { let v = vec![1u8]; let _ = v.as_ptr(); }") == set()
