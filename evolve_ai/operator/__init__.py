"""Operator commands: left in an inbox, carried out between two cycles."""
