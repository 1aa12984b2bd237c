"""What other genes use."""


def mean(values):
    return sum(values) / len(values)


def damp(agent):
    agent.forecast *= 0.5 + agent.trait("damping") / 2
