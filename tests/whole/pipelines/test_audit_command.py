"""Tests of `evolve audit`: what it says, to whom, and that it leaves no trace."""

import hashlib
import json
from dataclasses import replace

from project_support import ProjectUnderTest, tree

from evolve_ai.model.genome import decode, encode
from evolve_ai.model.status import AuditResult
from evolve_ai.system.files import publish

OUTSIDE = '\npub fn peek() { std::fs::remove_file("x").unwrap() }\n'


def spoil(project: ProjectUnderTest, agent: str, active: bool) -> None:
    """What reaches outside, in a gene file that this agent's genome activates or not."""
    story = project.evolve("show", agent, "--json").json
    genes = story["genome"]["genes"]
    path = next(gene["path"] for gene in genes if gene["active"] is active)
    file = project.folder(agent) / path
    file.write_text(file.read_text() + OUTSIDE)


def audited(project: ProjectUnderTest, *words: object, code: int = 0) -> AuditResult:
    return AuditResult.model_validate_json(project.evolve("audit", "--json", *words, code=code).out)


def test_clean_population_is_told_in_one_line(project: ProjectUnderTest) -> None:
    (line,) = project.evolve("audit").out.splitlines()
    assert line.startswith("8 agents · 8 clean · 12 gene files · policy ")
    result = audited(project, "--all")
    assert (result.totals.clean, result.totals.errors) == (8, 0)
    assert line.split("policy ")[1][:12] == result.policy[:12]
    assert [row.verdict for row in result.agents] == ["clean"] * 8


def test_refused_gene_is_told_with_place_and_rule(project: ProjectUnderTest) -> None:
    first, second, *_ = (row["id"] for row in project.agents())
    spoil(project, first, active=True)
    result = audited(project, code=1)
    (file,) = (file for file in result.files if file.findings)
    (finding,) = file.findings
    assert (finding.rule, finding.severity, file.agents, file.active) == ("std-path", "error", 1, 1)
    assert finding.column == 17
    (refused,) = (row for row in result.agents if row.verdict == "refused")
    assert (refused.id, refused.cause) == (first, "audit")
    assert refused.reason == f"{file.path}: line {finding.line}: {finding.text} [std-path]"
    assert refused.files[file.path] == file.code
    shown = project.evolve("audit", first[:13], code=1).out
    assert f"{file.path}:{finding.line}:17: error[std-path]: `std::fs::remove_file`" in shown
    assert f"(active in 1 of 1 agent: {first[:13]})" in shown
    assert audited(project, second).totals.agents == 1


def test_code_that_nobody_activates_refuses_nobody_and_is_told(project: ProjectUnderTest) -> None:
    agent = project.agents()[0]["id"]
    spoil(project, agent, active=False)
    result = audited(project, agent, code=1)
    (row,) = result.agents
    assert row.verdict == "clean"
    assert (result.totals.errors, result.totals.refused) == (1, 0)


def test_kernel_is_accepted_by_hash_only(project: ProjectUnderTest) -> None:
    agent = project.agents()[0]["id"]
    kernel = project.folder(agent) / "src" / "lib.rs"
    kernel.write_text(kernel.read_text() + "// harmless\n")
    (row,) = audited(project, agent, code=1).agents
    assert (row.verdict, row.cause) == ("refused", "audit")
    assert "the kernel may not be changed" in (row.reason or "")


def test_settings_decide_and_what_only_warns_is_told(project: ProjectUnderTest) -> None:
    agent = project.agents()[0]["id"]
    spoil(project, agent, active=True)
    strict, lax = audited(project, code=1), audited(project, "--set", 'audit.paths=["std::fs"]')
    assert lax.totals.clean == 8
    assert lax.policy != strict.policy
    done = project.evolve("audit", "--set", 'audit.warnings=["unsafe-code"]', code=2)
    assert "audit.warnings: unsafe-code cannot be lowered, since safety rests on it" in done.err
    done = project.evolve("audit", "--set", 'audit.macros=["include_str"]', code=2)
    assert "can never be allowed" in done.err


def test_audit_leaves_no_trace(project: ProjectUnderTest) -> None:
    before = tree(project.root / "agents"), tree(project.root / "workspace")
    project.evolve("audit")
    assert (tree(project.root / "agents"), tree(project.root / "workspace")) == before


def test_audit_beside_a_life_cycle_and_by_its_verdicts(project: ProjectUnderTest) -> None:
    project.live(1)
    process = project.start("life-cycle", "--cycles", "100", "--set", "cycle.sleep=0.2")
    assert process.stdout is not None
    process.stdout.readline()
    result = audited(project)
    assert process.poll() is None
    assert all(file.cached for file in result.files)
    project.evolve("stop")


def test_code_that_is_lost_is_told_though_its_verdict_is_kept(calm: ProjectUnderTest) -> None:
    """A scan would set this agent aside, so nobody calls it well."""
    agent = calm.agents()[0]["id"]
    genome = decode((calm.folder(agent) / "genome.bin").read_bytes())
    gene = genome.active_files()[0]
    path = calm.folder(agent) / gene.path
    path.write_bytes(path.read_bytes() + b"\n")
    code = hashlib.sha256(path.read_bytes()).hexdigest()
    files = tuple(replace(one, code=code) if one == gene else one for one in genome.files)
    publish(calm.folder(agent) / "genome.bin", encode(replace(genome, files=files)))
    calm.live(1)
    path.unlink()
    (calm.root / "workspace" / "store" / "sources" / code[:2] / code).unlink()
    assert "no such source is known" in calm.evolve("audit", agent, code=1).out
    assert "no such source is known" in calm.evolve("build", "--explain", agent).out


def test_ids_and_all_are_not_given_together(project: ProjectUnderTest) -> None:
    assert "not both" in project.evolve("audit", "--all", "abc", code=2).err
    assert project.evolve("audit", "nobody", code=2).err


def test_template_that_is_refused_is_named_with_its_rule(project: ProjectUnderTest) -> None:
    project.gene("outside", "use crate::kernel::Agent;\npub fn f(_: &mut Agent) {}\nuse std::fs;\n")
    done = project.evolve("audit", code=1)
    assert "outside.rs:3" in done.err
    assert "[std-path]" in done.err


def test_terminal_gets_no_escapes_of_a_gene_file(project: ProjectUnderTest) -> None:
    agent = project.agents()[0]["id"]
    spoil(project, agent, active=True)
    folder = project.folder(agent) / "src" / "genes"
    (folder / "\x1b[31mred.rs").write_text("")
    done = project.evolve("audit", agent, code=1)
    assert "\x1b[31mred" not in done.out
    assert json.dumps(audited(project, agent, code=1).model_dump())
