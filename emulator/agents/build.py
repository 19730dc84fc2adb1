"""Build of an agent from its Go module, by the user's own Go; the agent is kept in the user's cache folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from emulator.agents import cache
from emulator.agents.answers import version_of
from emulator.agents.cache import BuiltAgent
from emulator.agents.recipes import Recipe
from emulator.system import builds
from emulator.system.builds import Progress, building, running
from emulator.system.errors import EmulationError
from emulator.system.programs import environment, find_program
from emulator.system.text import one_line

_STEPS = 750
"""Packages that a build of flanneld compiles; only the progress bar uses it."""
_C_COMPILER = "gcc"
_LONGEST = 200
"""The most characters of Go's words in a message or in a folder's name."""
_KEPT_VARIABLES = frozenset(
    "PATH HOME USER LOGNAME XDG_CACHE_HOME XDG_CONFIG_HOME GOPATH GOCACHE GOMODCACHE GOPROXY GONOPROXY GOPRIVATE "
    "GOTOOLCHAIN HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy SSL_CERT_FILE SSL_CERT_DIR".split()
)
"""The variables of the user that a build keeps: where Go has its files, and how it reaches the network."""


def build(recipe: Recipe, progress: Progress) -> BuiltAgent:
    """Download the sources of an agent, build and keep it; return it.

    An agent that the same version of Go built of the same sources is returned, and nothing is downloaded. flanneld
    takes 4.5 minutes of processor time, and a download of 80 MB that Go keeps in its own cache.

    Raises:
        EmulationError: a tool is missing or too old, the sources cannot be downloaded, or the build fails.
    """
    with building(cache.agents_folder(), recipe.overlay, "agent") as folder:
        for path in recipe.files():
            target = folder / "source" / path.relative_to(recipe.sources)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        go = go_version(recipe, folder / "source")
        final = cache.agents_folder() / cache.key(recipe, go)
        if (kept := cache.read(recipe, final)) is not None:
            os.utime(final / builds.INFO)  # the newest is used
            return kept
        result = folder / "result"
        result.mkdir()
        program = result / recipe.program
        _compile(recipe, folder, program, progress)
        progress("checking that it starts", 0.99)
        version = version_of(program, recipe, f"what was built is no {recipe.program}")
        if version != recipe.version:
            raise EmulationError(f"{recipe.program} {recipe.version} was built, and says that it is {version}")
        cache.keep(recipe, go, result)
        shutil.rmtree(final, ignore_errors=True)  # an agent there is damaged, else it would have been found above
        result.rename(final)
    progress("done", 1)
    built = cache.read(recipe, final)
    if built is None:
        raise EmulationError(f"{final} was changed meanwhile: build again")
    return built


def lacks(recipe: Recipe) -> list[str]:
    """Return what is missing to build an agent, a phrase each with the remedy; a Go that is too old is not found."""
    missing = []
    if find_program("go") is None:
        missing.append(f"go, in version {_dotted(recipe.go)} or newer (from https://go.dev/dl)")
    if find_program(_C_COMPILER) is None or not Path("/usr/include/stdio.h").exists():
        missing.append(f"{_C_COMPILER} with the C library's headers, for cgo (apt-get install gcc libc6-dev)")
    return missing


def go_version(recipe: Recipe, source: Path) -> str:
    """Return the version of Go that builds the sources, such as ``go1.26.8``, as a part of a folder's name.

    Raises:
        EmulationError: Go or a C compiler is missing, or Go is too old.
    """
    if missing := lacks(recipe):
        raise EmulationError(f"to build {recipe.program}, this is missing: {'; '.join(missing)}")
    # in the folder of go.mod, where Go takes a newer Go if the user's settings let it download one
    asked = ["go", "env", "GOVERSION"]
    done = subprocess.run(
        asked, cwd=source, env=_environment(source), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    said = one_line(done.stdout)[:_LONGEST]  # an addition to the version is free text
    match = re.match(r"go(\d+)\.(\d+)[0-9A-Za-z.+-]*(?!\S)", said)
    if match is None or (int(match[1]), int(match[2])) < recipe.go:
        found = said if match else one_line(done.stderr)[:_LONGEST] or "it names no version"
        raise EmulationError(
            f"to build {recipe.program}, Go {_dotted(recipe.go)} or newer is needed, and {find_program('go')} is too "
            f"old ({found}): install it from https://go.dev/dl"
        )
    # a Go with experiments, such as `go1.26.8 X:jsonv2`, may build other bytes, so the agent's folder names them
    return re.sub(r"[^0-9A-Za-z.+-]+", "-", said).rstrip("-")


def _compile(recipe: Recipe, folder: Path, program: Path, progress: Progress) -> None:
    log = folder / "log"
    # `-v` prints each package to the stream of errors when it is compiled
    command = ["go", "build", "-v", "-ldflags", recipe.linker_flags, "-o", str(program), recipe.package]
    progress("downloading and compiling", 0.01)
    with running(["nice", "-n", "5", *command], folder / "source", _environment(folder), None) as process:
        if process.stderr is None:
            raise RuntimeError("started with a pipe")
        with log.open("w") as file:
            for count, line in enumerate(process.stderr):
                file.write(line)
                progress("downloading and compiling", 0.01 + 0.98 * min(count / _STEPS, 1))
    if process.returncode != 0:
        raise EmulationError(f"{recipe.program} cannot be built: {_error_in(log)}")


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment for Go, without the user's flags, which would change the agent."""
    kept = {name: value for name, value in environment(os.environ).items() if name in _KEPT_VARIABLES}
    fixed = {
        "CGO_ENABLED": "1",
        "CC": _C_COMPILER,
        "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
        "GOWORK": "off",
        "GO111MODULE": "on",
        "GOOS": "linux",
        "LC_ALL": "C",
        "TMPDIR": str(folder),  # `clean` removes it after a kill
    }
    return {**kept, **fixed}


def _error_in(log: Path) -> str:
    """Return the first line of a log of Go that is an error: all lines but the names of packages and of downloads."""
    lines = log.read_text(errors="replace").splitlines()
    said = [it for it in lines if " " in it and not it.startswith(("go: downloading", "#"))]
    if not said:
        return "go says nothing"
    hint = " (is there a network?)" if re.search(r"dial|lookup|proxy|timeout|connection", said[0]) else ""
    return f"{one_line(said[0])[:300]}{hint}"


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
