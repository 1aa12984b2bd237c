"""Has the compiler try gene files before any agent gets them, and tells which ones it refuses."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from evolve_ai.model.report import BuildRequest, BuildVerdict, GenePool, SourceReport

# What becomes of these requests; None: they are still being tried.
Trial = Callable[[Sequence[BuildRequest]], Sequence[BuildVerdict] | None]
# A gene file as it was read, and its bytes.
Read = tuple[SourceReport, bytes]


def requests_of(pool: GenePool, known: Mapping[str, str]) -> tuple[BuildRequest, ...]:
    """One for each gene file that is not as `known` (its path by SHA-256), or that uses such a one:
    all of its genes, and the files that it uses. Each has the path of its file for an agent."""
    sources = {source.path: source for source in pool.sources}
    asked = []
    for source in pool.sources:
        files = _below(source, sources)
        if any(known.get(one.path) != one.code for one in files):
            asked.append(_request(source, files))
    return tuple(asked)


def faults_of(verdicts: Iterable[BuildVerdict], *, outside: bool = False) -> dict[str, str]:
    """What the compiler says of each file that it refuses, by path; or, `outside`, why the machine
    did not let it be tried."""
    return {
        one.agent: one.fault.reason
        for one in verdicts
        if one.fault is not None and one.outside is outside
    }


def with_known(pool: GenePool, out: Collection[str], known: Mapping[str, Read]) -> GenePool:
    """The pool with what is `known`, by path, in place of the files that are left `out`; where
    nothing is, without them, and without what uses them."""
    kept: dict[str, Read] = {
        source.path: (source, pool.code[source.code])
        for source in pool.sources
        if source.path not in out
    }
    kept |= {path: known[path] for path in out if path in known}
    while lost := [path for path, (source, _) in kept.items() if not _has_all(source, kept)]:
        kept = {path: one for path, one in kept.items() if path not in lost}
    sources = tuple(kept[path][0] for path in sorted(kept))
    code = {source.code: data for source, data in kept.values()}
    return replace(pool, sources=sources, code=code)


def _has_all(source: SourceReport, kept: Mapping[str, Read]) -> bool:
    """Are the files there that it uses?"""
    return kept.keys() >= set(source.uses)


def _below(source: SourceReport, sources: Mapping[str, SourceReport]) -> list[SourceReport]:
    """A file and all that it uses, in whatever steps."""
    found, ahead = {source.path: source}, [source]
    while ahead:
        for used in (sources[path] for path in ahead.pop().uses if path in sources):
            if used.path not in found:
                found[used.path] = used
                ahead.append(used)
    return list(found.values())


def _request(source: SourceReport, files: Sequence[SourceReport]) -> BuildRequest:
    calls = tuple((source.path, name) for name in source.genes)
    described = tuple(sorted((one.path, one.code) for one in files))
    return BuildRequest(source.path, f"trial of {source.path}", calls, described)
