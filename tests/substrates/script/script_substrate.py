"""A substrate of scripts: agents in Python, without a compiler. See docs/languages.md."""

import ast
import hashlib
import keyword
import platform
import sys
from pathlib import Path

from evolve_ai.model import report
from evolve_ai.model.agent import Cause, Fault
from evolve_ai.model.comments import Comments
from evolve_ai.model.errors import TemplateError, ToolchainError
from evolve_ai.model.gene_names import GeneNames
from evolve_ai.system.commands import Limits, run_command
from evolve_ai.system.content_store import ContentStore

KERNEL, MAIN = "kernel.py", "main.py"
RULES = {
    "import": "what a gene imports decides what it reaches: files, sockets, other processes",
    "name": "names with two underscores, and those that run text, lead out of what was read",
}
MODULES = frozenset({"math", "statistics", "itertools", "functools"})
FORBIDDEN = frozenset({"eval", "exec", "compile", "open", "input", "globals", "locals", "vars"})
LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", sys.base_prefix)
PYTHON = Path(sys.executable).resolve()  # no link of a virtual environment
OPTIONS = ("-I", "-S", "-B", MAIN)  # nothing of the user's, and nothing is written
DECISIONS = (ast.If, ast.For, ast.While, ast.IfExp)


def sha(data):
    return hashlib.sha256(data).hexdigest()


class ScriptSubstrate:
    """Satisfies contracts.substrate.Substrate."""

    name, suffixes, comments, hints = "script", (".py",), Comments("#"), "install Python 3.11"
    genes = GeneNames("genes/", ".py", frozenset(keyword.kwlist))
    ignored, wiring_files = frozenset({"__pycache__/", "genes/__pycache__/"}), frozenset({MAIN})
    needs = report.Needs(memory_bytes=64 * 1024 * 1024, descriptors=16, libraries=LIBRARIES)

    def __init__(self, project): ...

    def grammar(self):
        return None

    def checks(self):
        return [("interpreter", self.toolchain)]

    def toolchain(self):
        return f"python {platform.python_version()} {sys.implementation.cache_tag}"

    def trial(self, folder, confine):
        (folder / MAIN).write_text("print('it lives')\n")
        done = run_command([str(PYTHON), *OPTIONS], cwd=folder, env={}, limits=Limits(20.0, 20.0))
        if done.code:
            raise ToolchainError(done.stderr.decode(errors="replace")[-300:], todo=self.hints)
        return "a script of one line runs"

    def read_pool(self, template):
        if not (template / KERNEL).is_file():
            raise TemplateError(f"there is no {KERNEL}", where=template, todo="put it back")
        kernel, sources = (template / KERNEL).read_bytes(), {}
        for path in sorted((template / "genes").glob("*.py")):
            data = path.read_bytes()
            source = self.read_source(f"genes/{path.name}", data, {})
            bad_name = "" if self.genes.is_path(source.path) else "no gene file can be called so"
            if problem := source.syntax_error or source.audit_error or bad_name:
                raise TemplateError(problem, where=path, todo="mend the file, or rename it")
            sources[source] = data
        missing = {used for one in sources for used in one.uses} - {one.path for one in sources}
        if missing or not any(one.genes for one in sources):
            told = f"{min(missing)} is not there" if missing else "there is no gene"
            raise TemplateError(told, where=template / "genes", todo="write it: def name(agent)")
        code = {source.code: data for source, data in sources.items()}
        return report.GenePool(tuple(sources), code, {KERNEL: kernel}, {}, sha(kernel))

    def pool_stamp(self, template):
        looked = [(path, path.stat()) for path in sorted(template.rglob("*.py"))]
        return sha(repr([(str(p), seen.st_size, seen.st_mtime_ns) for p, seen in looked]).encode())

    def equip(self, workspace, pool):
        return pool

    equipped = equip

    def read_source(self, path, code, manifests):
        lines, plain = code.count(b"\n") + 1, (path, sha(code))
        try:
            tree = ast.parse(code.decode())
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            told = f"line {getattr(error, 'lineno', None) or 1}: {error}".replace("\n", " ")
            return report.SourceReport(*plain, (), (), (), 0, 0, lines, syntax_error=told)
        traits, uses, found = set(), set(), []
        for node in ast.walk(tree):
            match node:
                case ast.Call(ast.Attribute(attr="trait"), [ast.Constant(str(name))]):
                    traits.add(name)
                case ast.ImportFrom(module="genes", names=names):
                    uses.update(self.genes.path_of(one.name) for one in names)
                case ast.Import() | ast.ImportFrom():
                    names = {getattr(node, "module", None) or one.name for one in node.names}
                    found += [(node, "import", name) for name in names - MODULES]
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    if name in FORBIDDEN or name.startswith("__"):
                        found.append((node, "name", name))
        kinds = [type(node) for node in ast.walk(tree)]
        functions, decisions = kinds.count(ast.FunctionDef), sum(map(kinds.count, DECISIONS))
        findings = {
            report.Finding(rule, report.Severity.ERROR, node.lineno, 1, f"no gene may use `{name}`")
            for node, rule, name in found
        }
        genes = tuple(dict.fromkeys(one.name for one in tree.body if self._is_gene(one)))
        return report.SourceReport(
            *plain, genes, tuple(sorted(traits)), tuple(sorted(uses)), functions,
            functions + decisions, lines, findings=tuple(sorted(findings, key=str)),
        )  # fmt: skip

    def _is_gene(self, node):
        plain = isinstance(node, ast.FunctionDef) and not node.decorator_list
        return plain and ast.unparse(node.args) == "agent" and self.genes.is_name(node.name)

    def policy_hash(self, manifests):
        return sha(f"1 {sorted(MODULES)} {sorted(FORBIDDEN)} {platform.python_version()}".encode())

    def rule_reason(self, rule):
        return RULES[rule]

    def wiring(self, genome):
        head = self.comments.of("Wiring: which genes run, in which order. Generated.")
        lines = [head, "import sys", 'sys.path.insert(0, ".")', "import kernel"]
        lines += [f"import genes.{gene.stem}" for gene in genome.active_files()]
        calls = ", ".join(f"genes.{gene.stem}.{name}" for gene, name in genome.active_genes())
        return {MAIN: "\n".join([*lines, f"kernel.live([{calls}])", ""]).encode()}

    def manifests(self, pool, agent):
        return {}

    def viability(self, genome, sources):
        active = {gene.path for gene in genome.active_files()}
        for gene in genome.files:
            if (source := sources.get(gene.code)) is None:
                return f"{gene.path} is to hold {gene.code[:12]}…, and no such source is known"
            lacking = {name for name, _ in gene.functions} - set(source.genes)
            lacking |= set(source.uses) - active if gene.active else set()
            if lacking:
                return f"{gene.path} needs {min(lacking)}, which is not there or not active"
        return None

    def fingerprint(self, genome, pool):
        files = [(gene.path, gene.code) for gene in genome.active_files()]
        calls = [(gene.path, name) for gene, name in genome.active_genes()]
        return sha(repr((pool.fixed_hash, self.toolchain(), files, calls)).encode())

    def builder(self, workspace, pool, confine=None):
        return ScriptBuilder(self, ContentStore(workspace / "store" / "sources", tidy=False), pool)

    read_only_builder = builder


class ScriptBuilder:
    """Satisfies contracts.substrate.Trier and ReadOnlyBuilder: there is one program."""

    program = report.Program(PYTHON, OPTIONS)

    def __init__(self, substrate, store, pool):
        self._substrate, self._store, self._pool = substrate, store, pool

    def _found(self, request):
        """The program, or the first file's fault."""
        for path, code in request.files:
            data = self._pool.code.get(code) or self._store.get(code)
            read = self._substrate.read_source(path, data or b"", {})
            problem = read.syntax_error or read.audit_error
            if data is None or problem:
                told = f"{path}: {problem or f'no code {code[:12]}… is known'}"
                return {"fault": Fault(Cause.BUILD, told)}
        return {"program": self.program}

    def ready(self, requests):
        return {one.fingerprint: self.program for one in requests if "program" in self._found(one)}

    def build(self, requests, progress=None):
        found = ((one.agent, one.fingerprint, self._found(one)) for one in requests)
        return tuple(report.BuildVerdict(*plain, **more, reused=True) for *plain, more in found)

    trial = build

    def forget(self, requests): ...

    def prune(self, needed, running):
        return 0

    def verify(self):
        return 0, ()

    def explain(self, request, code):
        parts = (("interpreter", self._substrate.toolchain()), *request.files)
        return report.Explanation(parts, (), "a script needs no build", **self._found(request))
