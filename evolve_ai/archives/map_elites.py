"""The archive `map_elites`: the best of each cell of a grid of features."""

from math import prod

from evolve_ai.archives.cells import MOST_CELLS, SIZE, Axes, Cells
from evolve_ai.archives.pyribs import ribs_archives
from evolve_ai.model.archive_settings import MapElitesOptions
from evolve_ai.model.errors import SettingsError

_CELLS = 10  # of an axis, where the settings do not say


def map_elites(options: MapElitesOptions, seed: int = 0) -> Cells:
    """SettingsError for cells or ranges that do not suit the features; ToolchainError without
    pyribs."""
    features = options.features or SIZE
    cells = options.cells or (_CELLS,) * len(features)
    if len(cells) != len(features):
        raise SettingsError(
            f"[archive] cells has {len(cells)} numbers for {len(features)} features",
            todo="write one number for each feature, or none",
        )
    if min(cells) < 1 or prod(cells) > MOST_CELLS:
        raise SettingsError(
            f"[archive] {' x '.join(map(str, cells))} cells are not from 1 to {MOST_CELLS}",
            todo="choose fewer features or cells, or the archive cvt",
        )
    axes = Axes(features, options.ranges)
    grid = ribs_archives("map_elites").GridArchive(
        solution_dim=1, dims=cells, ranges=[(0.0, 1.0)] * len(features), seed=seed % 2**32
    )
    return Cells("map_elites", axes, grid)
