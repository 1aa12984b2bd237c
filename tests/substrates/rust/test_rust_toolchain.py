"""The toolchain: too old a one is refused before it can spoil a batch."""

import pytest

from evolve_ai.model.errors import ToolchainError
from evolve_ai.substrates.rust.toolchain import require_version


@pytest.mark.parametrize("release", ["1.74.0", "1.95.0", "1.100.0-nightly", "2.0.0"])
def test_a_recent_rustc_is_accepted(release: str) -> None:
    require_version(release)


@pytest.mark.parametrize("release", ["1.63.0", "1.73.9", "0.9", ""])
def test_an_old_rustc_is_refused_with_the_version_that_is_needed(release: str) -> None:
    with pytest.raises(ToolchainError, match=r"too old, 1\.74 is needed"):
        require_version(release)
