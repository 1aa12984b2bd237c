"""Checks whether agents of this history were told the values of an exam."""

from evolve_ai.model.errors import UsageError
from evolve_ai.model.told import Told, told_before
from evolve_ai.session.components import Components
from evolve_ai.session.inputs import told_by, told_so_far, told_store
from evolve_ai.state.registry import Registry


def told_in_words(registry: Registry) -> str | None:
    """What was told in which cycles; None if the world does not declare it."""
    now = registry.cycle
    words = []
    for one in told_so_far(registry):
        end = one["to"] if one["to"] is not None else now
        if end >= one["from"]:
            when = f"cycles {one['from']} to {end}"
            words.append(f"{one['values']} values of {one['source']} ({when})")
    first = min((one["from"] for one in told_so_far(registry)), default=1)
    if words and first > 1:  # cycles of a version that did not record it
        words.insert(0, f"not known for cycles 1 to {first - 1}")
    return "; ".join(words) or None


def check_held_out(
    components: Components, registry: Registry, anyway: bool
) -> tuple[int, str | None]:
    """How many of the held-out values were told, and a sentence about it.

    Raises UsageError when some were, except with `anyway`.
    """
    told = told_by(components)
    if told is None:
        return 0, None
    store = told_store(components.project)
    series = {one["data"]: store.get(one["data"]) for one in told_so_far(registry)}
    found = told_before(told, (data for data in series.values() if data is not None))
    lost = [data for data, kept in series.items() if kept is None]
    doubt = f"of {len(lost)} series that were told the values are lost; they may be among these"
    if not found:
        return 0, doubt if lost else None
    words = (
        f"{len(found)} of the {len(told.held_out)} held-out values were shown to agents in this "
        f"history ({told_in_words(registry)})"
    )
    if not anyway:
        raise UsageError(words, where=told.source, todo=_todo(told, found))
    return len(found), f"{words}; {doubt}" if lost else words


def _todo(told: Told, found: tuple[int, ...]) -> str:
    rest = len(told.held_out) - 1 - found[-1]
    anyway = "or examine nevertheless, with a warning: evolve exam --even-if-told"
    if rest <= 0:
        return f"hold out values that no agent has seen, such as newer ones, {anyway}"
    return f"examine on the last {rest}: evolve exam --set environment.held_out={rest}; {anyway}"
