"""What the tests of this room share: see colony_fixtures.py."""

from colony_fixtures import colony as colony
from colony_fixtures import nursery as nursery
from colony_fixtures import raise_agents as raise_agents
