"""What the tests of this room share: see attack_fixtures.py."""

from attack_fixtures import attacker as attacker
