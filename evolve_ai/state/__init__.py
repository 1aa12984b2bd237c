"""Where the population is remembered."""
