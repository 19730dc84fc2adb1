"""Chains of stages, in namespaces of this machine's own kernel."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from emulator.calibration.bursts import Step, drain
from emulator.calibration.chains import CHAINS, DATAGRAM, FRAME, Chain, LackError
from emulator.calibration.network import Network
from emulator.cpu.table import STAGES
from emulator.netlink.connection import NetlinkError, is_missing
from tests.emulator.descriptors import open_descriptors
from tests.emulator.samples import ROOT, Cli

_HERE = {"frame", "datagram", "veth", "socket", "bridge", "forward"}
"""The stages that every Linux kernel has."""


def _arrive(steps: Sequence[Step], count: int) -> bool:
    """Let packets take each step of their way, and return whether all arrived at once.

    `bursts.burst_ns` would not do: on a busy machine, each burst of large frames may have a switch of the thread.
    """
    try:
        for step in steps:
            for _ in range(count):
                step()
    except BlockingIOError:
        drain(steps[-1])
        return False
    return True


def test_each_chain_adds_one_stage_and_all_stages_but_the_card_and_kernel_threads_have_one() -> None:
    known: set[str] = set()
    for chain in CHAINS:
        assert chain.stages.keys() - known == {chain.stage}
        known.add(chain.stage)
    assert known - {FRAME, DATAGRAM} == STAGES.keys() - {"nic", "wireguard"}


@pytest.mark.networks
@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.stage)
def test_packets_pass_a_chain_whole(chain: Chain) -> None:
    before = open_descriptors()
    try:
        with Network() as network:
            way = chain.build(network)
            for frame_bytes in chain.frames_bytes:
                # on a busy machine, another thread of the kernel may carry some packets, somewhat later
                found = any(_arrive(way(frame_bytes), 2) for _ in range(50))
                assert found, f"no two packets arrived whose frames have {frame_bytes} bytes"
    except (NetlinkError, LackError) as error:
        assert chain.stage not in _HERE
        if isinstance(error, NetlinkError) and not is_missing(error):
            raise
        pytest.skip(f"this machine lacks the stage {chain.stage} ({error})")
    finally:
        assert open_descriptors() == before


@pytest.mark.usefixtures("guest_kernel")
def test_packets_pass_all_chains_in_the_guest_kernel_which_has_them(gtsdsl: Cli) -> None:
    pytest_in_guest = [sys.executable, "-m", "pytest", "-o", "addopts=", "-p", "no:cacheprovider", str(Path(__file__))]
    done = gtsdsl(
        "guest", "--clock", "real", "--", *pytest_in_guest, "-k", test_packets_pass_a_chain_whole.__name__,
        prefix=["env", "-u", "PYTEST_ADDOPTS"], cwd=ROOT,
    )  # fmt: skip
    assert f"{len(CHAINS)} passed" in done.stdout, done.stdout + done.stderr
