"""The text of `--agent` to the program of each host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from emulator.agents.answers import program_at
from emulator.agents.cache import built_agent
from emulator.agents.model import AgentProgram
from emulator.agents.recipes import Recipe
from emulator.system.errors import EmulationError, OverlayError
from gtsdsl.text import did_you_mean, printable

BUILT_IN, REAL = "built-in", "real"
_MOST_SHOWN = 8


def choose(text: str | None, recipe: Recipe, hosts: Sequence[str]) -> dict[str, AgentProgram]:
    """Return the program of each host that does not run the built-in agent.

    ``text`` is ``built-in``, ``real`` or a path, for all hosts; or ``h1=real,h3=real``, with the built-in agent on the
    other hosts. None is the built-in agent.

    Raises:
        EmulationError: the text names no agent or no host, the agent has not been built, or is no such program.
    """
    words = _words(text or BUILT_IN, hosts)
    programs = {word: _program(word, recipe) for word in dict.fromkeys(words.values())}
    return {host: program for host, word in words.items() if (program := programs[word]) is not None}


def _words(text: str, hosts: Sequence[str]) -> Mapping[str, str]:
    """Return the word for the agent of each host that the text names."""
    first = text.partition("=")[0]
    if "=" not in text or "/" in first:
        return dict.fromkeys(hosts, text)
    words = {}
    for part in text.split(","):
        host, equals, word = part.partition("=")
        if not equals or not word:
            raise OverlayError(f"--agent: `{printable(part, 40)}` is not HOST=AGENT, as in h1=real,h3=real")
        if host not in hosts:
            near = did_you_mean(host, list(hosts)) or f"the hosts are {', '.join(hosts[:_MOST_SHOWN])}"
            raise OverlayError(f"--agent: the topology has no host {printable(host, 40)}; {near}")
        if host in words:
            raise OverlayError(f"--agent: {host} is given twice")
        words[host] = word
    return words


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
