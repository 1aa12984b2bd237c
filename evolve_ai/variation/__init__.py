"""Operators that make genomes: founding, crossover, mutation at birth."""
