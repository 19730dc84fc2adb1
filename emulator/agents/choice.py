"""The text of `--agent` to the program of each host."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.agents.answers import program_at
from emulator.agents.cache import built_agent
from emulator.agents.model import AgentProgram
from emulator.agents.recipes import Recipe
from emulator.plan.host_values import host_values
from emulator.system.errors import EmulationError, OverlayError
from gtsdsl.text import did_you_mean, printable

BUILT_IN, REAL = "built-in", "real"
_FORM = "HOST=AGENT, as in h1=real,h3=real"


def choose(text: str | None, recipe: Recipe, hosts: Sequence[str]) -> dict[str, AgentProgram]:
    """Return the program of each host that does not run the built-in agent.

    ``text`` is ``built-in``, ``real`` or a path, for all hosts; or ``h1=real,h3=real``, with the built-in agent on the
    other hosts. None is the built-in agent.

    Raises:
        EmulationError: the text names no agent or no host, the agent has not been built, or is no such program.
    """
    words = host_values("--agent", _FORM, text or BUILT_IN, hosts)
    programs = {word: _program(word, recipe) for word in dict.fromkeys(words.values())}
    return {host: program for host, word in words.items() if (program := programs[word]) is not None}


def _program(word: str, recipe: Recipe) -> AgentProgram | None:
    """Return the program that a word stands for; None for the built-in agent."""
    if word == BUILT_IN:
        return None
    if word == REAL:
        built = built_agent(recipe)
        if built is None:
            raise EmulationError(f"{recipe.program} has not been built: gtsdsl agents build {recipe.overlay}")
        return built.program
    if "/" not in word:
        near = (
            did_you_mean(word, (BUILT_IN, REAL)) or f"choose {BUILT_IN}, {REAL}, or a path such as ./{recipe.program}"
        )
        raise OverlayError(f"--agent: no agent is called {printable(word, 40)}; {near}")
    return program_at(word, recipe)
