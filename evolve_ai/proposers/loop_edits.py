"""Edits of loops that count: unroll and jam, tile, and accumulate in a variable.

Bacon, Graham and Sharp, "Compiler Transformations for High-Performance Computing" (1994). Whether
the order of what a loop does matters is not looked at: the evaluator says which edits are wrong.
"""

import random
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from evolve_ai.model.syntax import Counting
from evolve_ai.proposers.changes import Change, Changes, line_end, lines_of
from evolve_ai.proposers.reading import HEADER, Place, Reading
from evolve_ai.proposers.statement_edits import Material

FACTORS = (2, 4, 8)
TILES = (4, 8, 16, 32, 64, 128, 256)
JAM = 0.8  # how often copies go into the loops inside
LARGEST = 16_384  # bytes of copies


@dataclass(frozen=True, slots=True)
class _Loop:
    """`name` counts from `first` to before `last`; `step` is "" where it is 1."""

    node: Node
    body: Node
    place: Place
    counting: Counting
    kind: str
    name: str
    first: str
    last: str
    step: str

    def header(self, name: str, first: str, last: str, step: str) -> str:
        kind = self.kind
        return self.counting.text.format(kind=kind, name=name, first=first, last=last, step=step)


def counted(reading: Reading) -> list[Place]:
    return [place for place in reading.mine.get(HEADER, ()) if _matched(reading, place)]


def unrollable(reading: Reading) -> list[Place]:
    return [place for place in counted(reading) if not _loop(reading, place).step]


def accumulating(reading: Reading) -> list[Place]:
    return [place for place in counted(reading) if _sums(reading, _loop(reading, place))]


def unroll(reading: Reading, place: Place, rng: random.Random, material: Material) -> Changes:
    """Several turns at once, mostly within the loops inside; a second loop does the rest."""
    loop, factor, jam = _loop(reading, place), rng.choice(FACTORS), rng.random() < JAM
    statement = _statement_of(reading, loop.node)
    if statement.parent is None or statement.parent.type not in reading.syntax.blocks:
        return ()
    first, last = loop.first, _closed(loop.last)
    rest = f"{last} % {factor}" if first == "0" else f"({last} - {_closed(first)}) % {factor}"
    bound, end = f"{last} - {rest}", line_end(reading.data)
    groups = list(_groups(reading, loop, loop.body, jam))
    own = _declared(reading, loop, groups) if len(groups) > 1 else frozenset[str]()
    copies = [change for group in groups for change in _copied(reading, loop, group, factor, own)]
    if not copies or sum(len(change.new) for change in copies) > LARGEST:
        return ()
    main = loop.header(loop.name, first, bound, str(factor))
    after = loop.header(loop.name, bound, loop.last, "1").encode()
    indent = lines_of(reading.data, place.start, statement.end_byte).indent
    remainder = reading.data[place.end : statement.end_byte]
    return (
        Change(place.start, place.end, main.encode()),
        *copies,
        Change(statement.end_byte, statement.end_byte, end + indent + after + remainder),
    )


def tile(reading: Reading, place: Place, rng: random.Random, material: Material) -> Changes:
    """Blocks of turns: a loop over blocks is put around this loop, or around one that it is in."""
    loop = _loop(reading, place)
    sizes = _sizes(loop.step)
    if not sizes:
        return ()
    target, size = rng.choice(_nest(reading, loop)), rng.choice(sizes)
    name = _new_name(reading, loop.name * 2)
    last = loop.counting.least.format(one=f"{name} + {size}", other=loop.last)
    inner = loop.header(loop.name, name, last, loop.step or "1").encode()
    blocks = loop.header(name, loop.first, loop.last, str(size)) + loop.counting.begin
    end, unit = line_end(reading.data), _unit(reading, loop)
    indent = lines_of(reading.data, target.start, target.stop).indent
    begin = blocks.encode() + end + indent + unit
    closing = loop.counting.end.encode()
    stop = (Change(target.stop, target.stop, end + indent + closing),) if closing else ()
    heads = (
        (Change(place.start, place.end, begin + inner),)
        if target is place
        else (Change(target.start, target.start, begin), Change(place.start, place.end, inner))
    )
    return (*heads, *_indented(reading, target, place, unit), *stop)


def accumulate(reading: Reading, place: Place, rng: random.Random, material: Material) -> Changes:
    """What a loop adds up in one place of memory, it adds up in a variable."""
    loop = _loop(reading, place)
    sums = _sums(reading, loop)
    if not sums:
        return ()
    statement, end = _statement_of(reading, loop.node), line_end(reading.data)
    indent = lines_of(reading.data, place.start, statement.end_byte).indent
    names: dict[bytes, str] = {}
    for node in sums:
        text = reading.data[node.start_byte : node.end_byte]
        names.setdefault(text, _new_name(reading, "sum", len(names)))
    before = b"".join(
        loop.counting.declare.format(name=name, value=text.decode("latin-1")).encode("latin-1")
        + (end + indent)
        for text, name in names.items()
    )
    after = b"".join(
        (end + indent)
        + loop.counting.assign.format(name=text.decode("latin-1"), value=name).encode("latin-1")
        for text, name in names.items()
    )
    changes = [
        Change(
            one.start_byte,
            one.end_byte,
            names[reading.data[one.start_byte : one.end_byte]].encode(),
        )
        for one in sums
    ]
    return (
        Change(place.start, place.start, before),
        *changes,
        Change(statement.end_byte, statement.end_byte, after),
    )


def _matched(reading: Reading, place: Place) -> re.Match[str] | None:
    counting = reading.syntax.counting
    if counting is None:
        return None
    return re.fullmatch(counting.header, reading.text(place).decode("latin-1"))


def _loop(reading: Reading, place: Place) -> _Loop:
    match, counting = _matched(reading, place), reading.syntax.counting
    node = reading.tree.root_node.descendant_for_byte_range(place.start, place.end)
    while node is not None and node.type not in reading.syntax.loops:
        node = node.parent
    assert match is not None and counting is not None and node is not None
    body = node.child_by_field_name("body")
    assert body is not None
    told = {"kind": "", "first": "0", "step": ""}
    told |= {name: text for name, text in match.groupdict().items() if text is not None}
    step = "" if told["step"] == "1" else told["step"]
    return _Loop(
        node, body, place, counting, told["kind"], told["name"], told["first"], told["last"], step
    )


def _sizes(step: str) -> Sequence[int]:
    """Of blocks of whole turns."""
    if not step:
        return TILES
    return [size for size in TILES if step.isdecimal() and int(step) and size % int(step) == 0]


def _nest(reading: Reading, loop: _Loop) -> list[Place]:
    """This loop, and those around it that have nothing else in them, from the inside; up to one
    that its numbers depend on."""
    found = [loop.place]
    while (number := found[-1].around) >= 0:
        outer = reading.found[HEADER][number]
        if _matched(reading, outer) is None or not reading.may_change(outer.start, outer.stop):
            break
        around = _loop(reading, outer)
        is_used = re.search(rf"\b{around.name}\b", f"{loop.first} {loop.last} {loop.step}")
        if is_used or len(_statements(reading, around.body)) > 1:
            break
        found.append(outer)
    return found


def _groups(reading: Reading, loop: _Loop, body: Node, jam: bool) -> Iterator[list[Node]]:
    """Neighbours that are to be copied together; those of inner loops apart, if `jam`."""
    group: list[Node] = []
    for one in _statements(reading, body):
        inner = _inner_loop(reading, one) if jam else None
        inside = None if inner is None else inner.child_by_field_name("body")
        if inner is None or inside is None or _mentions(inner, inside.start_byte, reading, loop):
            group.append(one)
            continue
        if group:
            yield group
        group = []
        yield from _groups(reading, loop, inside, jam)
    if group:
        yield group


def _declared(reading: Reading, loop: _Loop, groups: Sequence[Sequence[Node]]) -> frozenset[str]:
    """The variables of each turn; a copy that is jammed needs its own."""
    nodes = [node for group in groups for node in group]
    texts = [reading.data[one.start_byte : one.end_byte].decode("latin-1") for one in nodes]
    found = [re.match(loop.counting.declared, text) for text in texts]
    return frozenset(match["name"] for match in found if match is not None)


def _copied(
    reading: Reading, loop: _Loop, group: Sequence[Node], factor: int, own: frozenset[str]
) -> Iterator[Change]:
    """The changes that add copies of these statements, for the next turns."""
    start, stop = group[0].start_byte, group[-1].end_byte
    indent, end = lines_of(reading.data, start, stop).indent, line_end(reading.data)
    parent = group[0].parent
    is_bare = parent is None or parent.type not in reading.syntax.blocks
    is_plain = all(_operation(reading, one).type in reading.syntax.operations for one in group)
    apart = not (is_plain or own) and bool(loop.counting.end)  # for what they declare
    new, mark = b"", _mark(reading, own)
    for turn in range(1, factor):
        values = {one: f"{one}{mark}{turn}" for one in own} | {loop.name: f"({loop.name} + {turn})"}
        copy = _with(reading, values, group)
        new += end + indent + (b"{ " + copy + b" }" if apart else copy)
    if is_bare:
        yield Change(start, start, b"{ ")
        new += b" }"
    yield Change(stop, stop, new)


def _with(reading: Reading, values: Mapping[str, str], group: Sequence[Node]) -> bytes:
    """The text of statements with other words for some variables."""
    at, parts = group[0].start_byte, []
    for node in group:
        for one in _named(reading, node, values):
            name = reading.data[one.start_byte : one.end_byte].decode("latin-1")
            parts += [reading.data[at : one.start_byte], values[name].encode("latin-1")]
            at = one.end_byte
    return b"".join([*parts, reading.data[at : group[-1].end_byte]])


def _named(reading: Reading, node: Node, names: Collection[str]) -> Iterator[Node]:
    if node.child_count == 0 and node.type in reading.syntax.names:
        if reading.data[node.start_byte : node.end_byte].decode("latin-1") in names:
            yield node
        return
    for child in node.children:
        yield from _named(reading, child, names)


def _mentions(inner: Node, stop: int, reading: Reading, loop: _Loop) -> bool:
    """Does the header of an inner loop depend on the variable of this one?"""
    return any(one.start_byte < stop for one in _named(reading, inner, (loop.name,)))


def _statements(reading: Reading, body: Node) -> list[Node]:
    while body.type in reading.syntax.blocks:
        inside = [one for one in body.named_children if one.type not in reading.syntax.comments]
        if len(inside) != 1 or inside[0].type not in reading.syntax.blocks:
            return inside
        body = inside[0]
    return [body]


def _inner_loop(reading: Reading, statement: Node) -> Node | None:
    """The loop that this statement is."""
    node = statement
    while node.type not in reading.syntax.loops:
        inside = node.named_children
        if len(inside) != 1 or inside[0].start_byte != node.start_byte:
            return None
        node = inside[0]
    return node


def _statement_of(reading: Reading, loop: Node) -> Node:
    """The whole statement, with what the grammar puts around a loop."""
    node = loop
    while (
        node.parent is not None
        and node.parent.type not in reading.syntax.blocks
        and node.parent.start_byte == loop.start_byte
        and node.parent.end_byte == loop.end_byte
    ):
        node = node.parent
    return node


def _sums(reading: Reading, loop: _Loop) -> list[Node]:
    """The left sides of what is added up in the same place in all turns; no plain variables."""
    found = []
    operators = {
        token for group in reading.syntax.arithmetic for token in group if token[-1] == "="
    }
    for statement in _statements(reading, loop.body):
        node = _operation(reading, statement)
        left = node.child_by_field_name("left")
        if node.type not in reading.syntax.operations or left is None:
            continue
        is_sum = any(child.type in operators for child in node.children)
        is_place = not re.fullmatch(rb"\w+", reading.data[left.start_byte : left.end_byte])
        if is_sum and is_place and not any(_named(reading, left, (loop.name,))):
            found.append(left)
    return found


def _operation(reading: Reading, statement: Node) -> Node:
    """The expression that a statement is, if it is one."""
    node = statement
    while node.type not in reading.syntax.operations and node.named_child_count == 1:
        node = node.named_children[0]
    return node


def _indented(reading: Reading, target: Place, place: Place, unit: bytes) -> Iterator[Change]:
    """The lines of a loop one step further in."""
    data, at = reading.data, target.start
    while (at := data.find(b"\n", at, target.stop) + 1) > 0:
        if data[at : at + 1] not in b"\r\n" and not place.start < at < place.end:
            yield Change(at, at, unit)


def _unit(reading: Reading, loop: _Loop) -> bytes:
    """By how much a body is indented."""
    outer = lines_of(reading.data, loop.place.start, loop.place.stop).indent
    for one in _statements(reading, loop.body)[:1]:
        inner = lines_of(reading.data, one.start_byte, one.end_byte).indent
        if inner.startswith(outer) and inner != outer:
            return inner[len(outer) :]
    return b"    "


def _new_name(reading: Reading, wish: str, number: int = 0) -> str:
    """A name that the program does not have."""
    while re.search(rb"\b%s\d*\b" % wish.encode("latin-1"), reading.data):
        wish += "_"
    return f"{wish}{number or ''}"


def _mark(reading: Reading, names: Collection[str]) -> str:
    """What makes new names of these, with a number after it."""
    mark = "_"
    text = reading.data.decode("latin-1")
    while any(re.search(rf"\b{one}{mark}\d", text) for one in names):
        mark += "_"
    return mark


def _closed(text: str) -> str:
    return text if re.fullmatch(r"[\w.]+|\([^()]*\)", text) else f"({text})"
