"""Ways to spread chunks of agents over worker processes."""
