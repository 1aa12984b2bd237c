"""Proposers make candidates from parents, a file each (contracts/proposer.py)."""
