"""Draws a forecast towards the mean of what was told."""

from genes import tools


def run(agent):
    mean = tools.mean(agent.past)
    agent.forecast += (mean - agent.forecast) * agent.trait("mean_pull")
