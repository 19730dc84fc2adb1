"""The findings on this machine: which are enough for networks, and the command that mends a part."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.doctor import Finding, can_emulate, examine
from emulator.system import programs, user_namespace

NEEDED = (Finding("mininet", True, ""), Finding("util-linux", True, ""))


def kernel(works: bool) -> Finding:
    return Finding("kernel", works, "", "mend", runs_networks=True)


@pytest.mark.parametrize(
    ("findings", "able"),
    [
        ((kernel(True), *NEEDED), True),
        ((kernel(False), kernel(True), *NEEDED), True),
        ((kernel(False), kernel(False), *NEEDED), False),
        ((kernel(True), NEEDED[0], Finding("util-linux", False, "")), False),
        ((kernel(True), *NEEDED, Finding("Docker", False, "", "apt-get install docker.io")), True),
    ],
)
def test_one_kernel_and_what_networks_are_made_with_is_enough(findings: tuple[Finding, ...], able: bool) -> None:
    assert can_emulate(findings) is able


def test_what_works_needs_no_mending() -> None:
    for finding in examine():
        assert not (finding.works and finding.mend), finding
        assert "\n" not in finding.mend


def test_what_is_missing_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(programs, "SYSTEM_FOLDERS", ("/nowhere",))
    mends = {finding.name: finding.mend for finding in examine()}
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
    finding = next(finding for finding in examine() if finding.name == "user namespaces")
    assert (finding.works, finding.mend) == (False, "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0")
