"""What every substrate does, whatever its language: contracts/substrate.py, verb by verb."""

import ast
import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from conformance_support import IDS, SUBSTRATES, Case, genome_of, sysroot_of

from evolve_ai.colony.colony import Colony
from evolve_ai.contracts.substrate import Substrate
from evolve_ai.model.agent import Cause
from evolve_ai.model.colony import Start, Started
from evolve_ai.model.errors import TemplateError
from evolve_ai.model.genome import encode
from evolve_ai.model.report import GenePool, Severity
from evolve_ai.model.sandbox import AgentBox
from evolve_ai.model.world import Percept


@pytest.fixture(scope="module", params=SUBSTRATES)
def case(
    request: pytest.FixtureRequest,
    shared_workspace: Path,
    keeper: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Case:
    make, template, words = SUBSTRATES[request.param]
    root = tmp_path_factory.mktemp(request.param)
    (root / "workspace").symlink_to(shared_workspace)
    libraries = sysroot_of(request.param)
    return Case(make(root), template, words, shared_workspace, keeper, libraries)


@pytest.fixture(scope="module")
def pool(case: Case) -> GenePool:
    return case.pool()


def test_it_says_what_it_is(case: Case) -> None:
    found: Substrate = case.substrate
    assert found.name.islower()
    assert all(one.startswith(".") for one in found.suffixes)
    assert found.genes.suffix in found.suffixes
    assert found.comments.of("words").endswith("words") or found.comments.block[1]
    assert found.hints
    assert found.needs.memory_bytes > 0 < found.needs.descriptors
    assert found.toolchain().count("\n") == 0
    assert found.toolchain() == found.toolchain()


def test_its_checks_tell_how_its_tools_are(case: Case) -> None:
    checks = case.substrate.checks()
    assert checks
    for name, tell in checks:
        assert name and tell()


def test_a_program_of_one_line_runs(case: Case, tmp_path: Path) -> None:
    assert case.substrate.trial(tmp_path, case.confine)


def test_pool_holds_the_genes_of_the_template_by_path(case: Case, pool: GenePool) -> None:
    paths = [source.path for source in pool.sources]
    assert paths == sorted(paths) and all(map(case.substrate.genes.is_path, paths))
    for source in pool.sources:
        assert pool.code[source.code] == (case.template / source.path).read_bytes()
        assert hashlib.sha256(pool.code[source.code]).hexdigest() == source.code
    assert any(source.genes for source in pool.sources)
    assert pool.traits()
    for path, data in pool.as_in_template.items():
        assert (case.template / path).read_bytes() == data
    assert not pool.fixed.keys() & {*paths, *case.substrate.wiring_files}


def test_gene_file_that_cannot_be_used_is_named(case: Case, tmp_path: Path) -> None:
    for name, text in (("broken", case.words.broken), ("refused", case.words.refused)):
        with pytest.raises(TemplateError) as error:
            case.pool(case.copy(tmp_path / name, **{name: text}))
        assert name in str(error.value)
    with pytest.raises(TemplateError):
        case.pool(case.copy(tmp_path / "user", user=case.words.user))
    with pytest.raises(TemplateError):
        case.pool(tmp_path / "nowhere")


def test_another_template_has_another_stamp(case: Case, tmp_path: Path) -> None:
    template = case.copy(tmp_path / "template")
    before = case.substrate.pool_stamp(template)
    assert case.substrate.pool_stamp(template) == before
    (template / case.substrate.genes.path_of("another")).write_text(case.words.plain)
    after = case.substrate.pool_stamp(template)
    (template / case.substrate.genes.path_of("another")).unlink()
    assert before != after


def test_pool_that_was_equipped_comes_back_so(case: Case, pool: GenePool) -> None:
    read = case.substrate.read_pool(case.template)
    assert case.substrate.equip(case.workspace, read) == pool
    assert case.substrate.equipped(case.workspace, read) == pool


def test_gene_file_is_read_whatever_is_in_it(case: Case, pool: GenePool) -> None:
    read, path_of = case.substrate.read_source, case.substrate.genes.path_of
    plain = read(path_of("plain"), case.words.plain.encode(), pool.manifests)
    assert (plain.genes, plain.uses, plain.functions) == (("run",), (), 1)
    assert plain.syntax_error is plain.audit_error is None
    user = read(path_of("user"), case.words.user.encode(), pool.manifests)
    assert user.uses == (path_of("used"),)
    broken = read(path_of("broken"), case.words.broken.encode(), pool.manifests)
    assert broken.syntax_error and broken.syntax_error.startswith("line ")
    refused = read(path_of("refused"), case.words.refused.encode(), pool.manifests)
    assert refused.syntax_error is None and refused.audit_error
    assert [one.severity for one in refused.findings] == [Severity.ERROR] * len(refused.findings)
    assert all(case.substrate.rule_reason(one.rule) for one in refused.findings)


@pytest.mark.parametrize(
    "code", [b"", b"\0", b"\xff\xfe", b"(" * 5000, b"def run(agent):\n" * 100, b"\r\n\t\x0c"]
)
def test_no_bytes_make_reading_fail(case: Case, pool: GenePool, code: bytes) -> None:
    path = case.substrate.genes.path_of("odd")
    report = case.substrate.read_source(path, code, pool.manifests)
    assert (report.path, report.code) == (path, hashlib.sha256(code).hexdigest())
    assert report == case.substrate.read_source(path, code, pool.manifests)


def test_policy_is_the_same_for_another_run(case: Case, pool: GenePool, tmp_path: Path) -> None:
    make, *_ = SUBSTRATES[case.substrate.name]
    found = case.substrate.policy_hash(pool.manifests)
    assert found == make(tmp_path).policy_hash(pool.manifests)
    assert case.substrate.toolchain() == make(tmp_path).toolchain()


def test_wiring_follows_the_genome_and_nobody_in_it(case: Case, pool: GenePool) -> None:
    genome = genome_of(pool)
    wired = case.substrate.wiring(genome)
    assert wired.keys() == case.substrate.wiring_files
    assert case.substrate.wiring(genome_of(pool, IDS[1])) == wired
    turned = replace(genome, files=genome.files[::-1])
    none = genome_of(pool, active=False)
    assert len({repr(case.substrate.wiring(one)) for one in (genome, turned, none)}) == 3


def test_manifests_are_those_of_an_agent(case: Case, pool: GenePool) -> None:
    made = case.substrate.manifests(pool.manifests, IDS[0])
    assert made.keys() == pool.manifests.keys()
    assert made == case.substrate.manifests(pool.manifests, IDS[0])


def test_genome_that_cannot_live_is_told_why(case: Case, pool: GenePool, tmp_path: Path) -> None:
    words = case.words
    pool = case.pool(case.copy(tmp_path / "template", user=words.user, used=words.used))
    sources = {source.code: source for source in pool.sources}
    genome, path_of = genome_of(pool), case.substrate.genes.path_of
    assert case.substrate.viability(genome, sources) is None
    first = genome.files[0]
    for changed in (
        replace(first, code="0" * 64),
        replace(first, functions=(*first.functions, ("nobody", True))),
    ):
        files = (changed, *genome.files[1:])
        assert first.path in case.substrate.viability(replace(genome, files=files), sources)
    asleep = [replace(g, active=g.path != path_of("used")) for g in genome.files]
    assert "used" in case.substrate.viability(replace(genome, files=tuple(asleep)), sources)
    gone = tuple(gene for gene in genome.files if gene.path != path_of("used"))
    assert "used" in case.substrate.viability(replace(genome, files=gone), sources)


def test_fingerprint_is_of_the_program_alone(case: Case, pool: GenePool) -> None:
    genome, of = genome_of(pool), case.substrate.fingerprint
    traits = replace(genome, id=IDS[1], traits={"mutation_rate": 0.9}, generation=4)
    assert of(traits, pool) == of(genome, pool)
    first = genome.files[0]
    others = [
        replace(genome, files=genome.files[::-1]),
        replace(genome, files=(replace(first, active=False), *genome.files[1:])),
        replace(genome, files=(replace(first, code="0" * 64), *genome.files[1:])),
    ]
    found = {of(genome, pool), *(of(one, pool) for one in others)}
    found.add(of(genome, replace(pool, fixed_hash="0" * 64)))
    assert len(found) == 5


def test_what_was_built_is_ready_for_everybody(case: Case, pool: GenePool) -> None:
    builder, genome = case.builder(pool), genome_of(pool)
    requests = [case.request(replace(genome, id=agent), pool) for agent in IDS]
    verdicts = builder.build(requests)
    assert [one.agent for one in verdicts] == list(IDS)
    assert len({one.program for one in verdicts}) == 1
    program = verdicts[0].program
    assert program is not None and program.file.stat().st_mode & 0o111
    ready = {requests[0].fingerprint: program}
    assert builder.ready(requests) == ready == case.builder(pool).ready(requests)
    assert all(one.reused for one in case.builder(pool).build(requests))
    onlooker = case.substrate.read_only_builder(case.workspace, pool)
    assert onlooker.ready(requests) == ready
    assert list(onlooker.verify()[1]) == []
    explained = onlooker.explain(requests[0], pool.code)
    assert (explained.program, explained.fault) == (program, None)
    assert explained.ingredients and explained.reason
    builder.forget(requests)
    builder.prune(requests, [program.file])
    assert builder.ready(requests) == ready


def test_what_cannot_be_built_is_a_fault_of_its_own(
    case: Case, pool: GenePool, tmp_path: Path
) -> None:
    """With the file, and with nobody else's."""
    genome = genome_of(pool)
    first, code = genome.files[0], case.words.broken.encode()
    broken = replace(first, code=hashlib.sha256(code).hexdigest(), functions=(("run", True),))
    bad = replace(genome, id=IDS[1], files=(broken, *genome.files[1:]))
    known = replace(pool, code={**pool.code, broken.code: code})
    lost = replace(bad, id=IDS[2], files=(replace(broken, code="0" * 64), *genome.files[1:]))
    requests = [case.request(one, known) for one in (genome, bad, lost)]
    builder = case.builder(known)
    for verdicts in (builder.build(requests), builder.trial(requests)):
        sound, fault, gone = verdicts
        assert sound.fault is None
        for one in (fault, gone):
            assert one.program is None and one.fault is not None
            assert one.fault.cause in (Cause.BUILD, Cause.AUDIT)
            assert first.path in one.fault.reason
            assert one.fingerprint not in builder.ready(requests)


def test_agent_lives_in_a_box_and_leaves_its_memory(
    case: Case, pool: GenePool, tmp_path: Path, keeper: Path, nothing_left: None
) -> None:
    genome = genome_of(pool)
    (verdict,) = case.builder(pool).build([case.request(genome, pool)])
    folder = case.write(tmp_path / "agents" / genome.id, genome, pool)
    start = Start(genome.id, folder, verdict.program, 7, encode(genome), None, (), 0)
    box = AgentBox(tuple(map(Path, case.substrate.needs.libraries)))
    with Colony(tmp_path / "colony", keeper, lambda places: None, epoch=1, box=box) as colony:
        assert isinstance(colony.start([start])[genome.id], Started), colony.take_taints()
        for tick, steps in enumerate([(1.0, 2.0, 3.0), (4.0,)]):
            percept = Percept(steps, (None, None), 1000)
            told = colony.exchange({genome.id: percept}, tick=tick, cycle=0)
            assert not told.faults
            assert len(told.acts[genome.id].answers) == len(steps)
        (bye,) = colony.stop([genome.id]).values()
    assert bye.state and not bye.unkillable
    assert (folder / "agent.log").read_text() == ""


# Rooms, and words of one language that have no business there; [build] is a table for Rust.
@pytest.mark.parametrize(
    ("room", "words"),
    [
        *((room, ("src/", ".rs", "Cargo", "::")) for room in ("stages", "session", "modes")),
        *((room, ("src/", ".rs", "Cargo", "::")) for room in ("operator", "selection", "ui")),
        *((room, ("src/", ".rs", "Cargo")) for room in ("contracts", "variation", "guards")),
        *((room, ("src/", "Cargo")) for room in ("inspection", "environments", "state")),
        ("model", ("src/genes",)),
    ],
)
def test_no_room_above_knows_a_language(room: str, words: tuple[str, ...]) -> None:
    package = Path(sys.modules["evolve_ai"].__file__ or "").parent
    for path in (package / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not any(word in node.value for word in words), f"{path}: {node.value}"
