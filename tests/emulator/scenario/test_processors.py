"""Neighbours that take processors while the network runs, in the virtual clock: each packet costs what is left."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.traffic import Traffic, exchange
from emulator.session import emulate
from tests.emulator.cpu.tables import SOCKETS, write_table
from tests.emulator.samples import MESH
from tests.emulator.scenario import LATE_NS

PAYLOAD_BYTES = 1400
ONE_WAY_NS = 8_700_000
"""The delay from h1 to h4."""
WIRE_NS = 8 * (PAYLOAD_BYTES + 42)
"""The time of a packet on a circuit of 1 Gbit/s."""
WORK_NS = 1_000_000
"""The work on a packet on a whole core, by the cost table `SOCKETS`."""

pytestmark = pytest.mark.usefixtures("guest_kernel")


@pytest.mark.parametrize("cpus", [1, 2])
def test_a_share_that_comes_again_slows_packets_down_in_its_part_of_each_period(tmp_path: Path, cpus: int) -> None:
    scenario = tmp_path / "neighbours.toml"
    scenario.write_text('[[cpus]]\nfrom = 0\nto = 12\nhost = "h1"\ncpus = 0.25\nfor = "3s"\nevery = "6s"\n')
    slow_ns = cpus / 0.25 * WORK_NS  # each queue has its part of what is left
    model = write_table(tmp_path, f"cores = {cpus}\n{SOCKETS}")
    with emulate(MESH, cpu_model=model, scenario=scenario) as net:
        # ten packets from 1 s on, from 3.6 s on and, in the second period, from 6.5 s on; then without the event
        for pause_s, wanted_ns in ((0, slow_ns), (0, WORK_NS), (0.3, slow_ns), (7, WORK_NS)):
            net.sleep(pause_s)
            found = exchange(net, "h1", "h4", Traffic(PAYLOAD_BYTES, 20, 10))
            work_ns = found.mean_delay_ns - ONE_WAY_NS - WIRE_NS
            assert work_ns == pytest.approx(WORK_NS + wanted_ns, abs=5_000)
        begun, ended = net.happenings()
        assert (begun.error, ended.error) == (None, None)
        assert begun.steps == 3  # given back, taken again, given back: the event itself took it first
        assert ended.actual_ns is not None
        assert ended.actual_ns - ended.asked_ns < LATE_NS


def test_packets_that_wait_keep_their_times(tmp_path: Path) -> None:
    """A queue that fills in a slow phase empties at the slow pace after it, as the page says."""
    scenario = tmp_path / "neighbours.toml"
    scenario.write_text('[[cpus]]\nfrom = 0\nto = "2s"\nhost = "h1"\ncpus = 0.5\n')
    with emulate(MESH, cpu_model=write_table(tmp_path, f"cores = 1\n{SOCKETS}"), scenario=scenario) as net:
        # 1000 packets a second from about 1 s to 2 s, of which the host works on every second one until then
        found = exchange(net, "h1", "h4", Traffic(PAYLOAD_BYTES, 1000, 900))
    assert found.received == 900
    assert found.span_ns == pytest.approx(899 * 2 * WORK_NS, rel=0.001)
