"""Edits of statements: delete, replace, insert, swap, and the headers of loops."""

import random
from collections.abc import Sequence

from evolve_ai.proposers.changes import Change, Changes, line_end, lines_of, moved
from evolve_ai.proposers.reading import HEADER, STATEMENT, Place, Reading

NEAR = 0.7  # how often two neighbours are swapped, or two loops of which one is in the other
SAME_KIND = 0.5  # how often a statement is replaced by one of its kind, where there are any

Material = Sequence[Reading]  # whose statements and expressions may be used: its own first


def delete(reading: Reading, place: Place, rng: random.Random, material: Material) -> Changes:
    filler = reading.syntax.filler.encode()
    if filler and sum(1 for one in reading.found[STATEMENT] if one.around == place.around) == 1:
        return (Change(place.start, place.end, filler),)
    lines = lines_of(reading.data, place.start, place.end)
    if lines.alone and reading.may_change(lines.start, lines.end):
        return (Change(lines.start, lines.end, b""),)
    return (Change(place.start, place.end, b""),)


def replace(reading: Reading, place: Place, rng: random.Random, material: Material) -> Changes:
    kind = place.kind if rng.random() < SAME_KIND else None
    drawn = _drawn(rng, material, kind)
    if drawn is None:
        return ()
    source, one = drawn
    indent = lines_of(reading.data, place.start, place.end).indent
    return (Change(place.start, place.end, moved(source, one, indent), source),)


def insert(reading: Reading, place: Place, rng: random.Random, material: Material) -> Changes:
    drawn = _drawn(rng, material, None)
    if drawn is None:
        return ()
    source, one = drawn
    lines, end = lines_of(reading.data, place.start, place.end), line_end(reading.data)
    text, after = moved(source, one, lines.indent), rng.random() < 0.5
    if not lines.alone:
        return (Change(place.start, place.start, text + b" ", source),)
    if not after:
        return (Change(place.start, place.start, text + end + lines.indent, source),)
    return (Change(place.end, place.end, end + lines.indent + text, source),)


def swap(reading: Reading, place: Place, rng: random.Random, material: Material) -> Changes:
    block = [one for one in reading.mine[STATEMENT] if one.around == place.around]
    if len(block) < 2:
        return ()
    at = block.index(place)
    near = [block[n] for n in (at - 1, at + 1) if 0 <= n < len(block)]
    others = near if rng.random() < NEAR else [one for one in block if one is not place]
    return _exchanged(reading, place, rng.choice(others))


def headers(reading: Reading, place: Place, rng: random.Random, material: Material) -> Changes:
    """Two loops exchange their headers: the order of nested loops decides how memory is read."""
    everyone, mine = reading.found[HEADER], reading.mine[HEADER]
    others = [one for one in mine if one is not place]
    around = everyone[place.around] if place.around >= 0 else None
    nested = [one for one in others if one is around or _outer(everyone, one) is place]
    if nested and rng.random() < NEAR:
        others = nested
    return _exchanged(reading, place, rng.choice(others)) if others else ()


def _outer(everyone: Sequence[Place], loop: Place) -> Place | None:
    return everyone[loop.around] if loop.around >= 0 else None


def _exchanged(reading: Reading, one: Place, other: Place) -> Changes:
    return (
        Change(one.start, one.end, reading.text(other)),
        Change(other.start, other.end, reading.text(one)),
    )


def _drawn(
    rng: random.Random, material: Material, kind: str | None
) -> tuple[Reading, Place] | None:
    counts = [
        len(one.of_kind(STATEMENT, kind) if kind else one.found.get(STATEMENT, ()))
        for one in material
    ]
    if not sum(counts):
        return None
    at = rng.randrange(sum(counts))
    for source, count in zip(material, counts, strict=True):
        if at < count:
            places = source.of_kind(STATEMENT, kind) if kind else source.found[STATEMENT]
            return source, places[at]
        at -= count
    return None
