"""The table of commands, with the place and a description of each. Commands load when used.

`evolve --help` and the shell's completion use only this table. A new command is a line here and a
function in a module of this folder.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: module and name of its function (below evolve_ai.cli), and a description."""

    place: str
    help: str


# section -> command -> its entry.
COMMANDS = {
    "Project": {
        "new": Entry("new:new", "Scaffold a project in a folder."),
        "doctor": Entry("doctor:doctor", "Check what evolve needs, and say what to do."),
        "plugins": Entry("plugins:plugins", "List the plug-ins of each family, with options."),
    },
    "Population": {
        "init": Entry("init:init", "Found agents from the template."),
        "import": Entry("importing:import_", "Found agents from folders made elsewhere."),
        "life-cycle": Entry("life_cycle:life_cycle", "Let the population live."),
        "stop": Entry("stop:stop", "End the life-cycle or search, and agents without one."),
        "build": Entry("build:build", "Build the programs of agents before they are needed."),
    },
    "Code evolution": {
        "improve": Entry("improve:improve", "Evolve a program against an evaluator."),
        "check": Entry("check:check", "Say how a task is understood, and try its evaluator."),
        "best": Entry("best:best", "Show the best program, minified and measured afresh."),
        "candidates": Entry("candidates:candidates", "List the candidates of a search."),
        "propose": Entry("propose:propose", "Propose a program by hand."),
    },
    "Looking": {
        "status": Entry("status:status", "Show the state of the population, or of the search."),
        "agents": Entry("agents:agents", "List the agents: the living, fittest first."),
        "show": Entry("show:show", "Show an agent and what happened to it, or a candidate."),
        "logs": Entry("logs:logs", "Show the end of an agent's log."),
        "exam": Entry("exam:exam", "Examine founders and living agents on held-out values."),
        "audit": Entry("audit:audit", "Check gene code against the policy of the settings."),
        "verify": Entry("verify:verify", "Check that nothing was altered."),
    },
    "Operating": {
        "kill": Entry("operate:kill", "End agents for ever."),
        "revive": Entry("operate:revive", "Let quarantined agents try again."),
        "pause": Entry("operate:pause", "Pause a population or a search until `evolve resume`."),
        "prune": Entry("prune:prune", "Remove records of the dead that settings do not keep."),
        "resume": Entry("operate:resume", "Continue after `evolve pause`."),
    },
}
