"""A small agent in Go, whose build takes a second: it answers to its version and its options, and does nothing."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

from emulator.agents.build import build
from emulator.agents.recipes import RECIPES, Recipe

MAIN = """package main

import (
	"flag"
	"fmt"
	"os"
)

var version = "none"

func main() {
	shown := flag.Bool("version", false, "print the version")
	flag.String("subnet-file", "", "a file")
	flag.Usage = func() { flag.PrintDefaults() }
	flag.Parse()
	if *shown {
		fmt.Fprintln(os.Stderr, version)
	}
}
"""


def tiny_recipe(folder: Path, main: str = MAIN) -> Recipe:
    """Write the sources of the agent below a folder, and return its recipe."""
    sources = folder / "sources"
    (sources / "nested").mkdir(parents=True, exist_ok=True)
    (sources / "go.mod").write_text("module example.org/tiny\n\ngo 1.21\n")
    (sources / "main.go").write_text(main)
    (sources / "nested" / "notes").write_text("a file in a folder\n")
    return replace(
        RECIPES["flannel"],
        overlay="tiny",
        program="tinyd",
        version="1.2.3",
        package="example.org/tiny",
        linker_flags="-X main.version=v1.2.3",
        go=(1, 21),
        without="",
        options=("-subnet-file",),
        sources=sources,
    )


def die_in_a_build(folder: str) -> None:
    """Begin to build the agent, with its sources below a folder, and die at the first step; a scenario."""

    def die(_step: str, _part: float) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    build(tiny_recipe(Path(folder)), die)
