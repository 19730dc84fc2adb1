"""A kernel or a clock that was asked for is never replaced: it works, or one line says what is missing."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from emulator.kernel import choose as module
from emulator.kernel.cache import Kernel
from emulator.kernel.choose import KernelChoice, choose, choose_guest
from emulator.kernel.kinds import Clock, KernelKind
from emulator.kernel.verdict import Lack
from emulator.system.errors import EmulationError

BUILT = Kernel(Path("/built"), "7.3", seccomp=True, virtual_clock=True, seeded=True, symbols=None, modules=None)
PACKAGED = Kernel(Path("/packaged"), "6.1", False, False, False, None, None)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine that has nothing, and on which every guest kernel runs (`test_verdict` has those that do not)."""
    monkeypatch.setattr(module, "refusal", lambda _: None)
    monkeypatch.setattr(module, "built_kernels", lambda: ())
    monkeypatch.setattr(module, "packaged_kernel", lambda: None)
    monkeypatch.setattr(
        module, "native_lacks", lambda: Lack("this machine's kernel has no netem", "modprobe sch_netem")
    )
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    return monkeypatch


def with_all(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(module, "built_kernels", lambda: (BUILT,))
    machine.setattr(module, "packaged_kernel", lambda: PACKAGED)
    machine.setattr(module, "native_lacks", lambda: None)


@pytest.mark.parametrize(
    ("kernel", "clock", "mends"),
    [
        ("auto", "auto", "gtsdsl kernel build"),
        ("auto", "virtual", "gtsdsl kernel build"),
        ("auto", "skip", "gtsdsl kernel build"),
        ("uml", "auto", "gtsdsl kernel build"),
        ("uml", "real", "gtsdsl kernel build"),
        ("uml-packaged", "auto", "apt-get install user-mode-linux kmod"),
        ("uml-packaged", "virtual", "gtsdsl kernel build"),
        ("native", "auto", "modprobe sch_netem"),
        ("native", "virtual", "--kernel uml"),
    ],
)
@pytest.mark.usefixtures("machine")
def test_a_machine_that_has_nothing_is_told_what_mends_it(kernel: str, clock: str, mends: str) -> None:
    with pytest.raises(EmulationError, match=mends) as caught:
        choose(kernel, clock)
    assert caught.value.exit_status == 3
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kernel", "clock", "interactive", "kind", "expected"),
    [
        ("auto", "auto", False, KernelKind.UML, Clock.VIRTUAL),
        ("auto", "auto", True, KernelKind.UML, Clock.REAL),
        ("auto", "skip", False, KernelKind.UML, Clock.SKIP),
        ("auto", "virtual", True, KernelKind.UML, Clock.VIRTUAL),
        ("uml", "real", False, KernelKind.UML, Clock.REAL),
        ("native", "auto", False, KernelKind.NATIVE, Clock.REAL),
        ("uml-packaged", "auto", False, KernelKind.PACKAGED, Clock.REAL),
    ],
)
def test_a_machine_that_has_all(
    machine: pytest.MonkeyPatch, kernel: str, clock: str, interactive: bool, kind: KernelKind, expected: Clock
) -> None:
    with_all(machine)
    choice = choose(kernel, clock, interactive=interactive)
    assert (choice.kind, choice.clock) == (kind, expected)


def test_native_was_called_host(machine: pytest.MonkeyPatch) -> None:
    with_all(machine)
    assert choose("host") == choose("native")


@pytest.mark.parametrize(("kernel", "clock"), [("native", "virtual"), ("native", "skip"), ("uml-packaged", "virtual")])
def test_no_clock_is_replaced(machine: pytest.MonkeyPatch, kernel: str, clock: str) -> None:
    with_all(machine)
    with pytest.raises(EmulationError, match=f"no {clock} clock"):
        choose(kernel, clock)


def test_without_a_built_kernel_the_native_then_the_packaged(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(module, "packaged_kernel", lambda: PACKAGED)
    assert choose().kind is KernelKind.PACKAGED
    machine.setattr(module, "native_lacks", lambda: None)
    assert choose().kind is KernelKind.NATIVE


def test_elsewhere_than_on_x86_64(machine: pytest.MonkeyPatch) -> None:
    with_all(machine)
    machine.setattr(platform, "machine", lambda: "aarch64")
    assert choose().kind is KernelKind.NATIVE
    with pytest.raises(EmulationError, match="x86-64"):
        choose("uml")


def test_a_guest_is_never_native(machine: pytest.MonkeyPatch) -> None:
    with pytest.raises(EmulationError, match="gtsdsl kernel build"):
        choose_guest()
    machine.setattr(module, "packaged_kernel", lambda: PACKAGED)
    assert choose_guest() == KernelChoice(KernelKind.PACKAGED, Clock.REAL, PACKAGED)
    machine.setattr(module, "built_kernels", lambda: (BUILT,))
    assert choose_guest() == KernelChoice(KernelKind.UML, Clock.VIRTUAL, BUILT)
    machine.setattr(module, "native_lacks", lambda: None)
    with pytest.raises(EmulationError, match="not a guest"):
        choose_guest("native")
