"""What the tests of this room share: see rust_fixtures.py."""

from rust_fixtures import _keeper_is_known as _keeper_is_known
from rust_fixtures import builder as builder
from rust_fixtures import healthy as healthy
from rust_fixtures import pool as pool
from rust_fixtures import substrate as substrate
from rust_fixtures import warm as warm
from rust_fixtures import workspace as workspace
