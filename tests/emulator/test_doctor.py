"""The abilities on this machine: which are enough for networks, and the command that mends a part."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.doctor import Ability, can_emulate, examine
from emulator.system import programs, user_namespace

NEEDED = (Ability("mininet", True, ""), Ability("util-linux", True, ""))


def kernel(works: bool) -> Ability:
    return Ability("kernel", works, "", "mend", runs_networks=True)


@pytest.mark.parametrize(
    ("abilities", "able"),
    [
        ((kernel(True), *NEEDED), True),
        ((kernel(False), kernel(True), *NEEDED), True),
        ((kernel(False), kernel(False), *NEEDED), False),
        ((kernel(True), NEEDED[0], Ability("util-linux", False, "")), False),
        ((kernel(True), *NEEDED, Ability("Docker", False, "", "apt-get install docker.io")), True),
    ],
)
def test_one_kernel_and_what_networks_are_made_with_is_enough(abilities: tuple[Ability, ...], able: bool) -> None:
    assert can_emulate(abilities) is able


def test_what_works_needs_no_mending() -> None:
    for ability in examine():
        assert not (ability.works and ability.mend), ability
        assert "\n" not in ability.mend


def test_what_is_missing_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(programs, "SYSTEM_FOLDERS", ("/nowhere",))
    mends = {ability.name: ability.mend for ability in examine()}
    assert mends["Open vSwitch"] == "apt-get install openvswitch-switch"
    assert mends["iperf3"] == "apt-get install iperf3"
    assert mends["netperf"] == "gtsdsl tools build netperf"
    build = "apt-get install bc binutils bison flex gcc iproute2 iputils-ping "
    assert mends["kernel tools"].startswith(build)


def test_a_kernel_that_is_closed_to_ordinary_users_names_the_parameter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / "apparmor_restrict_unprivileged_userns").write_text("1\n")  # Ubuntu's, from 24.04 on
    monkeypatch.setattr(user_namespace, "_PARAMETERS_FOLDER", tmp_path)
    ability = next(ability for ability in examine() if ability.name == "user namespaces")
    assert (ability.works, ability.mend) == (False, "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0")
