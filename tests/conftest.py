"""The guest kernels and the command line that tests use, and the markers of what a test needs.

The emulator's modules are imported where they are used, because the compiler's tests run on macOS and Windows too.
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.emulator.samples import HANG_S, Cli

if TYPE_CHECKING:
    from emulator.agents.model import AgentProgram
    from emulator.kernel.cache import Kernel
    from emulator.tools.cache import BuiltTool

pytest_plugins = ["pytester"]

# Each run draws the same examples. An example has no time limit, because a machine can be busy.
settings.register_profile("gtsdsl", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("gtsdsl")

GUEST_FIXTURES = {"guest_kernel", "packaged"}
BUILDING_FIXTURES = {"flanneld", "tiny", "netperf"}
TERMINAL_VARIABLES = ("COLUMNS", "FORCE_COLOR", "LANGUAGE", "NO_COLOR", "PYTHON_COLORS", "TTY_COMPATIBLE")
"""Variables of the user's that change what programs print."""

GIT_SETTINGS = """
[user]
name = t
email = t@example.org
[init]
defaultBranch = main
[safe]
directory = *
"""
"""Git refuses a folder of another user's if no setting says that it is safe."""


def pytest_configure() -> None:
    """Let programs of the tests end by signals that `nohup` or a shell's `&` made pytest ignore.

    A program inherits an ignored signal. It does not inherit a handler, not even this one, which does nothing.
    """
    for name in ("SIGHUP", "SIGINT"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)


def pytest_sessionstart() -> None:
    """Let all programs of the tests print the same, whatever the user's terminal and language are.

    Some versions of `ping` translate their words. pytest itself has read the variables by now.
    """
    for name in TERMINAL_VARIABLES:
        os.environ.pop(name, None)
    if sys.platform == "linux":
        os.environ["LC_ALL"] = "C.UTF-8"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that boot a guest, and skip those that need missing rights."""
    for item in items:
        if GUEST_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("guest")
        if BUILDING_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow("builds an agent or a tool, if the cache has none"))
        if item.get_closest_marker("networks") and not _may_make_networks():
            item.add_marker(pytest.mark.skip(reason="needs root, or `unshare --map-root-user --net --mount pytest`"))


def _may_make_networks() -> bool:
    from emulator.system.user_namespace import may_make_networks

    return may_make_networks()


@pytest.fixture(scope="session")
def guest_kernel() -> Kernel:
    """The newest built guest kernel in the user's cache. If the cache has none, build it, which takes minutes."""
    if platform.machine() != "x86_64" or sys.platform != "linux":
        pytest.skip("a guest kernel runs on Linux on x86-64 only")
    from emulator.kernel.build import build
    from emulator.kernel.cache import built_kernels
    from emulator.system.errors import EmulationError

    while not built_kernels():
        try:
            build(None, lambda _what, _part: None, lambda _message: None)
        except EmulationError as error:
            if "another gtsdsl builds" not in str(error):
                raise
            time.sleep(1)  # another worker of this test run builds it
    return built_kernels()[0]


@pytest.fixture(scope="session")
def flanneld() -> AgentProgram:
    """The real agent of flannel in the user's cache. If the cache has none, build it, which takes minutes."""
    from emulator.agents.build import build, lacks
    from emulator.agents.cache import built_agent
    from emulator.agents.recipes import RECIPES
    from emulator.system.errors import EmulationError

    recipe = RECIPES["flannel"]
    while (built := built_agent(recipe)) is None:
        if missing := lacks(recipe):
            pytest.skip(f"flanneld has not been built; to build it, this is missing: {'; '.join(missing)}")
        try:
            build(recipe, lambda _what, _part: None)
        except EmulationError as error:
            if "is too old" in str(error):
                pytest.skip(str(error))
            if "another gtsdsl builds" not in str(error):
                raise
            time.sleep(1)  # another worker of this test run builds it
    return built.program


@pytest.fixture(scope="session")
def netperf() -> BuiltTool:
    """The netperf in the user's cache. If the cache has none, build it, which takes seconds."""
    from emulator.system.errors import EmulationError
    from emulator.tools.build import build
    from emulator.tools.cache import built_tool
    from emulator.tools.recipes import NETPERF

    while (built := built_tool(NETPERF)) is None:
        try:
            build(NETPERF, None, lambda _what, _part: None)
        except EmulationError as error:
            if "another gtsdsl builds" not in str(error):
                pytest.skip(f"netperf has not been built: {error}")
            time.sleep(1)  # another worker of this test run builds it
    return built


@pytest.fixture(scope="session")
def packaged() -> Kernel:
    """Debian's packaged guest kernel."""
    from emulator.kernel.cache import packaged_kernel

    kernel = packaged_kernel()
    if kernel is None:
        pytest.skip("Debian's user-mode-linux is not installed")
    return kernel


@pytest.fixture
def git_settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of git in place of the user's, whose variables, signatures and hooks change no test."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:  # a hook of Git's may run the tests
        monkeypatch.delenv(name)
    settings_file = tmp_path_factory.mktemp("git") / "config"
    settings_file.write_text(GIT_SETTINGS, encoding="utf-8")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings_file))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)


@pytest.fixture
def gtsdsl(tmp_path: Path) -> Cli:
    """A function that runs the command line in an empty folder."""
    folder = tmp_path / "work"
    folder.mkdir()

    def run(*arguments: str, prefix: Sequence[str] = (), cwd: Path = folder) -> subprocess.CompletedProcess[str]:
        command = [*prefix, sys.executable, "-m", "gtsdsl", *arguments]
        return subprocess.run(
            command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG_S, check=False
        )

    return run
