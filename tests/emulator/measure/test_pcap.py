"""Recordings of an interface: the file's header, and the frames in their order."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from emulator.measure.pcap import header, open_tap
from tests.emulator import scenarios
from tests.emulator.measure.pcap_reader import packets
from tests.emulator.play import command_of

FRAME_BYTES = 60


def record(file: Path, limit_bytes: int | str = "") -> str:
    """Record frames with the last bytes 0, 1 and 2 that a loopback sends; return what the recorder prints."""
    line = command_of(scenarios.record_frames, file, FRAME_BYTES, limit_bytes)
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout


def test_a_header_says_ethernet_with_nanoseconds_and_has_no_packets(tmp_path: Path) -> None:
    (tmp_path / "file.pcap").write_bytes(header())
    assert header().hex(" ", 4) == "4d3cb2a1 02000400 00000000 00000000 00000400 01000000"
    assert packets(tmp_path / "file.pcap") == []


@pytest.mark.networks
def test_frames_are_recorded_whole_and_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "file.pcap"
    file.write_bytes(header())
    said = record(file)
    found = packets(file)
    assert said == f"{len(found)} packets\n"
    assert {(len(packet.frame), packet.length) for packet in found} == {(FRAME_BYTES, FRAME_BYTES)}
    # a loopback's frame is seen on its way out, and most times on its way in too
    assert list(dict.fromkeys(packet.frame[-1] for packet in found)) == [0, 1, 2]


@pytest.mark.networks
def test_a_file_with_a_limit_keeps_the_first_frames_and_counts_the_others(tmp_path: Path) -> None:
    file = tmp_path / "file.pcap"
    file.write_bytes(header())
    said = record(file, len(header()) + 16 + FRAME_BYTES)
    assert said.startswith("1 packets, ")
    assert said.endswith(" left out: the file is full\n")
    assert [packet.frame[-1] for packet in packets(file)] == [0]


@pytest.mark.networks
def test_a_missing_interface_has_no_tap() -> None:
    with pytest.raises(OSError, match="No such device"):
        open_tap("nowhere")
