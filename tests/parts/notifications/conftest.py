"""What the tests of this room share: see notifications_fixtures.py."""

from notifications_fixtures import log as log
from notifications_fixtures import receiver as receiver
