"""Operators that make genomes: founding, crossover, and mutation at birth."""
