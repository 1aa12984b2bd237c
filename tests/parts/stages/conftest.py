"""What the tests of this room share: see stages_fixtures.py."""

from stages_fixtures import _no_file_is_young as _no_file_is_young
