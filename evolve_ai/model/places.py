"""Assigns places to demes."""


def deme_of(place: int, demes: int) -> int:
    """The deme of a place. Adding places changes no agent's deme."""
    return place % demes
