"""Measures the program of a candidate: size, complexity, distance from the initial one, shape."""

from evolve_ai.model.candidate import Sources
from evolve_ai.search.parts import LanguageOf
from evolve_ai.system.code_shape import complexity, edits, shape
from evolve_ai.system.syntax_trees import SyntaxTrees


class Features:
    """Of the programs of one search. For one thread."""

    def __init__(self, initial: Sources, language_of: LanguageOf, trees: SyntaxTrees):
        self._initial, self._language_of, self._trees = initial, language_of, trees

    def of(self, sources: Sources) -> dict[str, float]:
        """`size` in bytes, `complexity` in nodes of syntax trees, `distance` in changed lines."""
        nodes = distance = 0
        for path, data in sources.items():
            language = self._language_of(path)
            nodes += 0 if language is None else complexity(language, data, self._trees)
            distance += edits(self._initial[path], data)
        return {
            "size": float(sum(map(len, sources.values()))),
            "complexity": float(nodes),
            "distance": float(distance),
        }

    def shape(self, sources: Sources) -> frozenset[int]:
        """Hashes of the parts of its normalised syntax trees."""
        found: set[int] = set()
        for path, data in sources.items():
            language = self._language_of(path)
            if language is not None:
                found |= shape(language, data, self._trees)
        return frozenset(found)
