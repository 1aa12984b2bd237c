"""`evolve import`: founds agents from folders made elsewhere, after the checks of a scan."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from evolve_ai.model.agent import AgentRecord
from evolve_ai.model.errors import EvolveError, TemplateError
from evolve_ai.model.event import Event, Kind
from evolve_ai.model.genome import MAX_BYTES, Genome, GenomeError, decode
from evolve_ai.model.report import GenePool, ScanReport
from evolve_ai.session.components import Components
from evolve_ai.session.inputs import note_inputs
from evolve_ai.session.pool import fix_prices, open_pool
from evolve_ai.stages.agent_scan_update import rules_of, with_codes, with_sources
from evolve_ai.stages.birth import BirthTask, bear_chunk, nursery_of
from evolve_ai.stages.build import request_of
from evolve_ai.stages.context import Context
from evolve_ai.stages.reading import with_faults
from evolve_ai.stages.succession import newborn_record
from evolve_ai.stages.trial import Trial, faults_of
from evolve_ai.state.registry import Batch, Registry
from evolve_ai.system.agent_folder import read_contents
from evolve_ai.system.content_store import ContentStore
from evolve_ai.system.files import read_regular
from evolve_ai.system.genome_file import GENOME, genome_file


@dataclass(frozen=True, slots=True)
class Imported:
    """The imported agents, and the refused folders with their reasons."""

    founded: tuple[AgentRecord, ...]
    refused: tuple[tuple[Path, str], ...]


def import_agents(
    components: Components,
    registry: Registry,
    folder: Path,
    run: str,
    trial: Callable[[GenePool], Trial] | None = None,
) -> Imported:
    """Found an agent from `folder`, or from each folder in it that contains a genome.bin.

    Agents whose code does not compile in the `trial` are refused.
    """
    pool = open_pool(components, registry)
    note_inputs(components, registry, run, pool)
    context = components.context(pool, registry.cycle)
    homes = [folder] if (folder / GENOME).exists() else sorted(_homes(folder))
    if not homes:
        raise EvolveError("no folder with a genome.bin is here", where=folder)
    sound: dict[Path, Genome] = {}
    refused = []
    for home in homes:
        genome = _checked(context, registry, home)
        if isinstance(genome, Genome) and genome.id in {other.id for other in sound.values()}:
            genome = f"an agent {genome.id} comes from another folder already"
        if isinstance(genome, str):
            refused.append((home, genome))
        else:
            sound[home] = genome
    broken = _uncompiled(context, sound.values(), trial(pool)) if trial else {}
    refused += [(home, broken[one.id]) for home, one in sound.items() if one.id in broken]
    founded = [
        _found(components, context, registry, genome, run)
        for genome in sound.values()
        if genome.id not in broken
    ]
    fix_prices(registry, run)
    return Imported(tuple(founded), tuple(refused))


def _uncompiled(context: Context, genomes: Iterable[Genome], trial: Trial) -> dict[str, str]:
    """The compiler's complaint by id of agent; empty where the compiler cannot be used."""
    fingerprint = context.substrate.fingerprint
    try:
        verdicts = trial([request_of(fingerprint(one, context.pool), one) for one in genomes])
    except TemplateError:
        raise
    except EvolveError:
        return {}
    return faults_of(verdicts or ())


def _homes(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if (path / GENOME).exists())


def _checked(context: Context, registry: Registry, home: Path) -> Genome | str:
    """The genome, or why the folder is refused, by the checks of a scan."""
    agent = _id_in(home)
    contents = read_contents(home, agent, rules_of(context))
    if contents.fault is not None or contents.genome is None or contents.code is None:
        return contents.fault.reason if contents.fault else "no genome"
    if registry.knows(contents.genome.id):
        return f"an agent {contents.genome.id} is known here already"
    store = ContentStore(context.project.sources)
    codes = {path: store.put(data) for path, data in contents.code.items()}
    genome = with_codes(contents.genome, codes)
    report = ScanReport(genome.id, "", genome, contents.genome_bytes, tuple(codes.items()))
    sources = with_sources(context, {}, [report])
    fault = with_faults(context, [report], sources)[0].fault
    return fault.reason if fault else genome


def _id_in(home: Path) -> str:
    """The id in the genome, unchecked; read_contents reads it again with all checks."""
    try:
        return decode(read_regular(home / genome_file(home), MAX_BYTES)).id
    except (OSError, GenomeError):
        return home.name


def _found(
    components: Components, context: Context, registry: Registry, genome: Genome, run: str
) -> AgentRecord:
    newborn = bear_chunk(BirthTask(nursery_of(context), (genome,)))[0]
    state = registry.state
    number, place = state.numbers, state.places or 0
    record = newborn_record(
        newborn, number, place, context.cycle, context.start_energy, founder=True
    )
    data = {"place": place, "active_genes": record.active_genes, "imported": True}
    batch = Batch(
        records=(record,),
        genomes={record.id: newborn.genome_bytes},
        state=replace(state, numbers=number + 1, places=place + 1),
        during=context.cycle,
        events=(Event(Kind.FOUNDING, context.cycle, record.id, data),),
    )
    components.sink.deliver(registry.commit(batch, run))
    return record
