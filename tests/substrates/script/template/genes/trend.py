"""Goes on as the last two values went."""


def run(agent):
    if len(agent.past) > 1:
        agent.forecast += (agent.past[-1] - agent.past[-2]) * agent.trait("trend_gain")


def reversal(agent):
    if len(agent.past) > 1:
        agent.forecast -= (agent.past[-1] - agent.past[-2]) * agent.trait("reversal_gain")
