"""Assigns places to demes."""

MOST_DEMES = 1024


def deme_of(place: int, demes: int) -> int:
    """The deme of a place. Adding places changes no agent's deme."""
    return place % demes
