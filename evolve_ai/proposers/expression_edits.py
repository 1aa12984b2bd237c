"""Edits within statements: conditions, operators, literals, names, expressions, jumps."""

import random
from collections.abc import Callable

from tree_sitter import Node

from evolve_ai.model.syntax import Groups
from evolve_ai.proposers.changes import Change, Changes
from evolve_ai.proposers.literal_steps import stepped
from evolve_ai.proposers.reading import (
    BOOLEAN,
    CONDITION,
    EXPRESSION,
    Place,
    Reading,
    group_of,
)
from evolve_ai.proposers.statement_edits import Material

Edit = Callable[[Reading, Place, random.Random, Material], Changes]


def condition(reading: Reading, place: Place, rng: random.Random, material: Material) -> Changes:
    """Negated, always true, always false, or another condition of the program."""
    way = rng.randrange(4)
    if way == 0:
        begin, end = (part.encode() for part in reading.syntax.negation)
        return (Change(place.start, place.end, begin + reading.text(place) + end),)
    if way == 3:
        source = rng.choice(material)
        others = source.found.get(CONDITION, ())
        if others:
            return (Change(place.start, place.end, source.text(rng.choice(others)), source),)
    truth = reading.syntax.truths[way % 2].encode()
    return (Change(place.start, place.end, truth),)


def exchange(groups: Callable[[Reading], Groups]) -> Edit:
    """An edit of operators: one becomes another of its group, or only an operand is left."""

    def edit(reading: Reading, place: Place, rng: random.Random, material: Material) -> Changes:
        others = group_of(groups(reading), place.kind)
        if rng.random() < 0.2:
            return _operand(_around(reading, place), rng, reading)
        return (Change(place.start, place.end, rng.choice(others).encode()),) if others else ()

    return edit


def literal(reading: Reading, place: Place, rng: random.Random, material: Material) -> Changes:
    if place.kind in reading.syntax.booleans:
        text, (true, false) = reading.text(place).decode("latin-1"), reading.syntax.truths
        return (Change(place.start, place.end, (false if text == true else true).encode()),)
    new = stepped(reading.text(place), rng)
    return (Change(place.start, place.end, new),) if new is not None else ()


def jump(reading: Reading, place: Place, rng: random.Random, material: Material) -> Changes:
    others = [word for word in reading.syntax.jumps if word != place.kind]
    return (Change(place.start, place.end, rng.choice(others).encode()),) if others else ()


def expression(reading: Reading, place: Place, rng: random.Random, material: Material) -> Changes:
    """Another expression of the programs, of the same kind if there is one, or an operand."""
    if rng.random() < 0.3:
        node = reading.tree.root_node.descendant_for_byte_range(place.start, place.end)
        return _operand(node, rng, reading)
    source = rng.choice(material)
    same = rng.random() < 0.5
    others = source.of_kind(EXPRESSION, place.kind) if same else source.found.get(EXPRESSION, ())
    return (
        (Change(place.start, place.end, source.text(rng.choice(others)), source),) if others else ()
    )


def name(reading: Reading, place: Place, rng: random.Random, material: Material) -> Changes:
    """Another name of the same function, or of the file. What is called becomes something else
    that is called, and a variable another variable."""
    names = reading.names(place.kind, place.around if rng.random() < 0.8 else None)
    called, old = reading.called(), reading.text(place)
    alike = [one for one in names if one != old and (one in called) == (old in called)]
    return (Change(place.start, place.end, rng.choice(alike)),) if alike else ()


def literals_of(reading: Reading) -> list[Place]:
    return [*reading.mine.get("number", ()), *reading.mine.get(BOOLEAN, ())]


def _around(reading: Reading, place: Place) -> Node | None:
    node = reading.tree.root_node.descendant_for_byte_range(place.start, place.end)
    return node.parent if node is not None else None


def _operand(node: Node | None, rng: random.Random, reading: Reading) -> Changes:
    if node is None or not reading.may_change(node.start_byte, node.end_byte):
        return ()
    parts = [one for one in node.named_children if one.type not in reading.syntax.comments]
    if not parts:
        return ()
    chosen = rng.choice(parts)
    new = reading.data[chosen.start_byte : chosen.end_byte]
    return (Change(node.start_byte, node.end_byte, new),)
