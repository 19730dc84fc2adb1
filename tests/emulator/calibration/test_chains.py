"""Chains of stages, in namespaces of this machine's own kernel."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from emulator.calibration import bursts
from emulator.calibration.chains import CHAINS, DATAGRAM, FRAME, Chain, LackError
from emulator.calibration.network import Network
from emulator.cpu.table import STAGES
from emulator.netlink.connection import NetlinkError, is_missing
from tests.emulator.samples import ROOT, Cli

_HERE = {"frame", "datagram", "veth", "socket", "bridge", "forward"}
"""The stages that every Linux kernel has."""


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_each_chain_adds_one_stage_and_all_stages_but_the_card_and_kernel_threads_have_one() -> None:
    known: set[str] = set()
    for chain in CHAINS:
        assert chain.stages.keys() - known == {chain.stage}
        known.add(chain.stage)
    assert known - {FRAME, DATAGRAM} == STAGES.keys() - {"nic", "wireguard"}


@pytest.mark.networks
@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.stage)
def test_packets_pass_a_chain_whole(chain: Chain) -> None:
    before = _descriptors()
    try:
        with Network() as network:
            way = chain.build(network)
            for frame_bytes in chain.frames_bytes:
                # a burst without a switch of the thread comes soon, also on a busy machine
                found = [bursts.burst_ns(way(frame_bytes), 2) for _ in range(50)]
                assert any(found), f"no whole burst of frames of {frame_bytes} bytes"
    except (NetlinkError, LackError) as error:
        assert chain.stage not in _HERE
        if isinstance(error, NetlinkError) and not is_missing(error):
            raise
        pytest.skip(f"this machine lacks the stage {chain.stage} ({error})")
    finally:
        assert _descriptors() == before


@pytest.mark.usefixtures("guest_kernel")
def test_packets_pass_all_chains_in_the_guest_kernel_which_has_them(gtsdsl: Cli) -> None:
    pytest_in_guest = [sys.executable, "-m", "pytest", "-o", "addopts=", "-p", "no:cacheprovider", str(Path(__file__))]
    done = gtsdsl(
        "guest", "--clock", "real", "--", *pytest_in_guest, "-k", test_packets_pass_a_chain_whole.__name__, cwd=ROOT
    )
    assert f"{len(CHAINS)} passed" in done.stdout, done.stdout + done.stderr
