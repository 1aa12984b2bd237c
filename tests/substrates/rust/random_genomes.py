"""Owns the random genomes of the differential test: seven kinds, drawn from a seed."""

import random
import re
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rust_support import TEMPLATE, copy_template

from evolve_ai.model.genome import FileGene, Genome
from evolve_ai.model.report import GenePool, SourceReport
from evolve_ai.substrates.rust.gene_names import NAMES
from evolve_ai.substrates.rust.source import read_source
from evolve_ai.substrates.rust.substrate import RustSubstrate

SEED = 20_26
# How many of each kind; 200 in all.
COUNTS: Mapping[str, int] = {
    "plain": 30,
    "entwined": 20,
    "broken_file_inactive": 16,
    "broken_file_active": 44,
    "used_file_inactive": 28,
    "mutated_file": 44,
    "mutated_circle": 18,
}
_USERS = ("tool", "user", "deep", "left", "right")
_BROKEN = "bad_"
_ATTEMPTS = 200

_NUMBER = re.compile(r"(?<![\w.])\d[\d_]*(?:\.\d+)?(?![\w.])")
_OPERATOR = re.compile(r"(?<= )(?:[-+*/<>]|<=|>=|==|!=|&&|\|\|)(?= )")
_NAME = re.compile(r"(?<![\w:])[a-z_]{3,}(?!\w|::|!)")
_STATEMENT = re.compile(r"^ +[^/\n]*;\n", re.MULTILINE)
_OPERATORS = ("+", "-", "*", "/", "<", ">", "<=", "&&", "||")


@dataclass(frozen=True)
class Drawn:
    """A genome, its code by SHA-256, and how to draw it again."""

    kind: str
    number: int
    genome: Genome
    code: Mapping[str, bytes]

    def __str__(self) -> str:
        active = " ".join(gene.stem for gene in self.genome.active_files())
        return f"genome {self.number} of kind {self.kind} (seed {SEED}; active: {active})"


def read_all_kinds(substrate: RustSubstrate, folder: Path) -> GenePool:
    """The project's own template, with genes that use each other and genes that are broken."""
    return substrate.read_pool(copy_template(folder, "genes_of_all_kinds", start=TEMPLATE))


def draw_all(pool: GenePool, substrate: RustSubstrate) -> list[Drawn]:
    numbered = enumerate(kind for kind, count in COUNTS.items() for _ in range(count))
    return [_Draw(pool, substrate, kind, number).drawn() for number, kind in numbered]


def _uses(source: SourceReport) -> list[str]:
    """The modules that a gene file uses."""
    return [NAMES.name_of(path) for path in source.uses]


class _Draw:
    """One genome; its chances depend on the seed and its own number only."""

    def __init__(self, pool: GenePool, substrate: RustSubstrate, kind: str, number: int):
        self.kind = kind
        self.number = number
        self.pool = pool
        self.substrate = substrate
        self.rng = random.Random(f"{SEED} {number}")
        self.files = {_module(source): source for source in pool.sources}
        self.code = dict(pool.code)

    def drawn(self) -> Drawn:
        plain = [one for one in self.files if one not in _USERS and not one.startswith(_BROKEN)]
        active = {one for one in plain if self.rng.random() < 0.4}
        listed = set(plain)
        extra = getattr(self, f"_{self.kind}", lambda plain: (set(), set()))
        more, off = extra(plain)
        active = self._with_what_they_use(active | more) - off
        return Drawn(self.kind, self.number, self._genome(active, listed | more | off), self.code)

    # Each returns the files to activate, and those to leave inactive whoever uses them.

    def _entwined(self, plain: list[str]) -> tuple[set[str], set[str]]:
        return set(self.rng.sample(_USERS, self.rng.randint(1, 4))), set()

    def _broken_file_inactive(self, plain: list[str]) -> tuple[set[str], set[str]]:
        return set(), {self._broken()}

    def _broken_file_active(self, plain: list[str]) -> tuple[set[str], set[str]]:
        return {self._broken()}, set()

    def _used_file_inactive(self, plain: list[str]) -> tuple[set[str], set[str]]:
        users = [one for one, file in self.files.items() if set(_uses(file)) - {one}]
        user = self.rng.choice(users)
        return {user}, {self.rng.choice(sorted(set(_uses(self.files[user]))))}

    def _mutated_file(self, plain: list[str]) -> tuple[set[str], set[str]]:
        chosen = self.rng.sample([*plain, "tool", "user"], self.rng.randint(1, 2))
        for module in chosen:
            self._mutate(module)
        return set(chosen), set()

    def _mutated_circle(self, plain: list[str]) -> tuple[set[str], set[str]]:
        self._mutate(self.rng.choice(("left", "right")))
        return {"left"}, set()

    def _broken(self) -> str:
        return self.rng.choice([one for one in self.files if one.startswith(_BROKEN)])

    def _with_what_they_use(self, active: Iterable[str]) -> set[str]:
        found, ahead = set(active), list(active)
        while ahead:
            new = set(_uses(self.files[ahead.pop()])) - found
            found |= new
            ahead += new
        return found

    def _mutate(self, module: str) -> None:
        """Replace a file by a random neighbour of it that scan and audit admit."""
        before = self.code[self.files[module].code].decode()
        for _ in range(_ATTEMPTS):
            text = before
            for _ in range(self.rng.randint(1, 3)):
                text = _edited(text, self.rng)
            report = read_source(f"src/genes/{module}.rs", text.encode())
            known = set(_uses(report)) <= self.files.keys()
            if text != before and known and not (report.syntax_error or report.audit_error):
                self.files[module] = report
                self.code[report.code] = text.encode()
                return
        raise AssertionError(f"no edit of {module} is admitted (seed {SEED}, {self.number})")

    def _genome(self, active: Collection[str], listed: Collection[str]) -> Genome:
        modules = sorted({*active, *listed})
        self.rng.shuffle(modules)
        files = tuple(self._file_gene(module, module in active) for module in modules)
        traits = {name: self.rng.random() for name in self.pool.traits()}
        agent = str(uuid.UUID(int=self.number + 1, version=4))
        return Genome(agent, 0, (), files, {**traits, "mutation_rate": 1.0})

    def _file_gene(self, module: str, active: bool) -> FileGene:
        source = self.files[module]
        names = self.rng.sample(source.genes, len(source.genes))
        functions = tuple((name, self.rng.random() < 0.6) for name in names)
        return FileGene(source.path, source.code, active, functions)


def _module(source: SourceReport) -> str:
    return Path(source.path).stem


def _edited(text: str, rng: random.Random) -> str:
    """One small edit of code: a number, an operator or a name replaced, a statement removed."""
    edit = rng.choice((_new_number, _new_number, _new_operator, _without_statement, _new_name))
    return edit(text, rng)


def _new_number(text: str, rng: random.Random) -> str:
    def other(old: str) -> str:
        whole = "." not in old
        fresh = rng.choice(("0", "1", "2", "5", "9") if whole else ("0.0", "0.3", "1.0", "7.5"))
        return fresh if rng.random() < 0.9 else f"{fresh}.0"

    return _replaced(_NUMBER, text, rng, other)


def _new_operator(text: str, rng: random.Random) -> str:
    return _replaced(_OPERATOR, text, rng, lambda old: rng.choice(_OPERATORS))


def _new_name(text: str, rng: random.Random) -> str:
    names = sorted(set(_NAME.findall(_code_of(text))))
    return _replaced(_NAME, text, rng, lambda old: rng.choice(names))


def _without_statement(text: str, rng: random.Random) -> str:
    return _replaced(_STATEMENT, text, rng, lambda old: "")


def _replaced(
    pattern: re.Pattern[str], text: str, rng: random.Random, fresh: Callable[[str], str]
) -> str:
    start = text.index(_code_of(text))
    sites = list(pattern.finditer(text, start))
    if not sites:
        return text
    site = rng.choice(sites)
    return text[: site.start()] + fresh(site.group()) + text[site.end() :]


def _code_of(text: str) -> str:
    """All behind the last `use`: what comes before is hardly ever code."""
    return text[text.rindex("\nuse ") :].partition(";")[2]
