"""The needs of policies: the program that loads the rules, a kernel that takes them, a log of packets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.options import PolicyEngine
from emulator.overlays.policy import enforcer, nftables
from emulator.system import programs
from tests.emulator.kernel.standins import put
from tests.emulator.overlays.policy.samples import policies, policy

DENY = policy("selector: all()")
LOG = policy("selector: all()\ningress:\n- {action: Log}")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """A function that makes a program which says a version, and is found before the machine's own."""

    def make(name: str, said: str) -> None:
        put(tmp_path / name, f'#!/bin/sh\n[ "$*" = --version ] && echo "{said}"\n')
        monkeypatch.setenv("PATH", str(tmp_path))

    return make


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("nftables", "nft is missing: install nftables (`apt-get install nftables`)"),
        ("iptables", "iptables-restore is missing: install iptables (`apt-get install iptables`)"),
    ],
)
def test_a_missing_program_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch, engine: PolicyEngine, said: str
) -> None:
    for module in (enforcer, programs):
        monkeypatch.setattr(module, "find_program", lambda _: None)
    spec = policies(DENY, engine=engine)
    assert list(enforcer.lacks(spec)) == [said]
    assert enforcer.engine_version(spec) == engine


@pytest.mark.networks
def test_rules_that_the_kernel_refuses_are_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nftables, "nft_text", lambda _: "table ip calico {\n  nonsense\n}\n")
    (said,) = enforcer.lacks(policies(DENY))
    assert said.startswith("this kernel cannot enforce the policy (nft refuses the policy's rules: ")
    assert said.endswith("): use a guest kernel (`gtsdsl kernel build`)")
    assert "\n" not in said


@pytest.mark.networks
def test_a_log_needs_a_kernel_that_logs_packets_of_all_namespaces(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # the kernel and the program that load the rules are not what this test is about
    monkeypatch.setattr(enforcer, "find_program", lambda name: name)
    monkeypatch.setattr(enforcer.Enforcer, "_run", lambda *_: "")
    switch = tmp_path / "nf_log_all_netns"
    monkeypatch.setattr(enforcer, "_LOG_SWITCH", switch)
    assert list(enforcer.lacks(policies(DENY))) == []
    (said,) = enforcer.lacks(policies(LOG))
    assert "`sysctl net.netfilter.nf_log_all_netns=1`" in said
    switch.write_text("0\n")
    assert list(enforcer.lacks(policies(LOG))) == [said]
    switch.write_text("1\n")
    assert list(enforcer.lacks(policies(LOG))) == []


@pytest.mark.parametrize(
    ("engine", "said", "version"),
    [
        ("nftables", "nftables v1.0.6 (Lester Gooch #5)", "nftables 1.0.6"),
        ("iptables", "iptables-restore v1.8.9 (nf_tables)", "iptables 1.8.9 (nf_tables)"),
        ("iptables", "iptables-restore v1.8.9 (legacy)", "iptables 1.8.9 (legacy)"),
        ("iptables", "iptables-restore v1.6.2", "iptables 1.6.2"),
        ("nftables", "", "nftables"),
    ],
)
def test_an_engine_has_the_version_of_its_program(
    program: Callable[[str, str], None], engine: PolicyEngine, said: str, version: str
) -> None:
    program("nft" if engine == "nftables" else "iptables-restore", said)
    assert enforcer.engine_version(policies(DENY, engine=engine)) == version
