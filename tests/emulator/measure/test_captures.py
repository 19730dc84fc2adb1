"""Captures on this machine's kernel, and what a guest may do to the user's files by them: nothing but add some."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.lab.daemons import DaemonError, start_function
from emulator.measure import pcap
from emulator.measure.captures import CaptureRequest, Reader, hand_over
from emulator.mininet.network import EmulatedNetwork
from emulator.netlink import namespaces
from emulator.plan import Options, plan
from emulator.system.errors import EmulationError
from tests.emulator.measure.pcap_reader import echoes, packets
from tests.emulator.topologies import joined
from tests.emulator.waiting import wait_for


@pytest.fixture
def pair() -> Iterator[EmulatedNetwork]:
    """Hosts a and b, joined by l1, without delay."""
    with EmulatedNetwork(plan(joined([("a", "b")]), Options(impaired=False))) as network:
        yield network


@pytest.mark.networks
def test_both_directions_are_seen_from_the_start_to_the_stop(pair: EmulatedNetwork, tmp_path: Path) -> None:
    file = tmp_path / "l1.pcap"
    pair["a"].cmd("ping -c 1 -W 5 b")
    pair.captures.start("l1", str(file))
    assert list(pair.captures.running) == [("l1", str(file))]
    pair["a"].cmd("ping -c 2 -i 0.01 -W 5 b")
    said = pair.captures.stop("l1")
    pair["a"].cmd("ping -c 1 -W 5 b")
    seen = packets(file)
    assert said == f"{len(seen)} packets"
    assert echoes(file) == [("request", 1), ("reply", 1), ("request", 2), ("reply", 2)]
    assert [packet.time_ns for packet in seen] == sorted(packet.time_ns for packet in seen)
    assert all(len(packet.frame) == packet.length for packet in seen)


@pytest.mark.networks
def test_what_other_programs_read_is_the_same(pair: EmulatedNetwork, tmp_path: Path) -> None:
    file = tmp_path / "l1.pcap"
    pair.captures.start("l1", str(file))
    pair["a"].cmd("ping -c 1 -W 5 b")
    pair.captures.close()
    said = subprocess.run(["tcpdump", "-nr", str(file), "icmp"], capture_output=True, text=True, check=True).stdout
    first, second = said.splitlines()
    assert "IP 100.64.0.1 > 100.64.0.2: ICMP echo request" in first
    assert "IP 100.64.0.2 > 100.64.0.1: ICMP echo reply" in second


@pytest.mark.networks
def test_a_circuit_that_goes_down_and_up_is_still_captured(pair: EmulatedNetwork, tmp_path: Path) -> None:
    file = tmp_path / "l1.pcap"
    pair.captures.start("l1", str(file))
    pair.configLinkStatus("a", "b", "down")
    pair.configLinkStatus("a", "b", "up")
    assert " 0% packet loss" in pair["a"].cmd("ping -c 1 -W 5 b")
    pair.captures.stop("l1")
    assert ("reply", 1) in echoes(file)


@pytest.mark.networks
def test_a_circuit_of_a_switch_is_captured_at_the_switch(tmp_path: Path) -> None:
    testbed = joined([("a", "s1"), ("s1", "b")], switches=["s1"])
    with EmulatedNetwork(plan(testbed, Options(impaired=False, switch="bridge"))) as network:
        wait_for(lambda: " 0% packet loss" in network["a"].cmd("ping -c 1 -W 1 b"))
        network.captures.start("l2", str(tmp_path / "l2.pcap"))
        network["a"].cmd("ping -c 1 -W 5 b")
    assert echoes(tmp_path / "l2.pcap") == [("request", 1), ("reply", 1)]  # the network's end is the capture's, too


@pytest.mark.networks
def test_a_daemon_that_has_only_just_begun_can_be_stopped(pair: EmulatedNetwork) -> None:
    for _ in range(20):
        daemon = start_function(pair.lab, "a", "sleeper", lambda: time.sleep(1000))
        assert daemon.stop() != -signal.SIGKILL


@pytest.mark.networks
def test_a_vlans_tag_is_where_it_was(pair: EmulatedNetwork, tmp_path: Path) -> None:
    # the kernel takes it out of the frame before any program sees that
    frame = bytes.fromhex("ffffffffffff 020000000099 8100 2007 88b5") + bytes(46)
    file = tmp_path / "l1.pcap"
    pair.captures.start("l1", str(file))
    with (
        namespaces.entered(pair.lab.namespace("b")),
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as end,
    ):
        end.bind(("b-eth0", 0))
        end.send(frame)
    pair.captures.stop("l1")
    assert frame in [packet.frame for packet in packets(file)]


@pytest.mark.networks
def test_a_full_file_holds_all_up_to_a_moment(
    pair: EmulatedNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.measure.captures.MOST_BYTES", len(pcap.header()) + 5 * (16 + 98))
    monkeypatch.chdir(tmp_path)
    pair["a"].cmd("ping -c 1 -W 5 b")
    pair.captures.leave_in(tmp_path)
    pair.captures.start("l1", "l1.pcap")
    pair["a"].cmd("ping -c 4 -i 0.01 -W 5 b")
    # the kernel may send packets of its own, such as a neighbour's solicitation, which are shorter than an echo
    said = re.match(r"(\d+) packets, [3-9] left out: the file is full", pair.captures.stop("l1"))
    assert said is not None
    seen = packets(tmp_path / "capture-l1.pcap")
    assert len(seen) == int(said[1])
    kept = [packet.echo for packet in seen if packet.echo is not None]
    assert kept[0] == ("request", 1)
    assert len(kept) == 5 or (3 <= len(kept) < 5 and len(seen) > len(kept))


@pytest.mark.networks
def test_what_cannot_be_captured_is_refused(pair: EmulatedNetwork, tmp_path: Path) -> None:
    captures, there = pair.captures, tmp_path / "there.pcap"
    there.touch()
    captures.start("l1", str(tmp_path / "l1.pcap"))
    for circuit, file, message in [
        ("l1", "new.pcap", "l1 is being captured already"),
        ("l9", "new.pcap", "unknown link l9"),
        ("l1", str(there), "exists already: name a new file"),
        ("l1", "x" * 300, "File name too long"),
    ]:
        with pytest.raises(EmulationError, match=message):
            captures.start(circuit, file)
    captures.stop("l1")
    with pytest.raises(EmulationError, match=r"no/where\.pcap: No such file or directory"):
        captures.start("l1", str(tmp_path / "no/where.pcap"))
    with pytest.raises(EmulationError, match=r"cannot be the name of a file"):
        captures.start("l1", "a\0b")
    with pytest.raises(EmulationError, match="l1 is not being captured"):
        captures.stop("l1")
    assert there.read_bytes() == b""


@pytest.mark.networks
def test_a_capture_that_cannot_go_on_says_why(pair: EmulatedNetwork, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(EmulationError, match=r"full\.pcap: No space left on device"):
        pair.captures.start_at("l1", Path("/dev/full"), "full.pcap")
    pair.captures.start("l1", str(folder / "l1.pcap"))
    (folder / "l1.pcap").unlink()
    folder.rmdir()
    pair["a"].cmd("ping -c 1 -W 5 b")
    with pytest.raises(DaemonError, match=r"capture-a-eth0 on a ended with status 1: .* No such file or directory"):
        pair.captures.stop("l1")


_NAMES = ["../x.pcap", "/x.pcap", "sub/x.pcap", ".x.pcap", "x.sh", "x.pcap\n", "", "-x.pcap", "x" * 200 + ".pcap"]


@pytest.mark.networks
@pytest.mark.parametrize("name", _NAMES)
def test_in_a_guest_a_capture_is_a_file_of_the_working_folder(
    pair: EmulatedNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    pair.captures.leave_in(tmp_path)
    with pytest.raises(EmulationError):
        pair.captures.start("l1", name)
    assert list(pair.captures.running) == []


@pytest.mark.parametrize("name", _NAMES)
def test_a_guest_that_names_other_files_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    hand_over(_left({"captures.json": json.dumps([name, 5, None]).encode()}, rest=b"bad"), ())
    assert list(tmp_path.rglob("*")) == [home]


def test_a_guest_cannot_write_to_files_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.pcap").write_bytes(b"mine")
    (tmp_path / "link.pcap").symlink_to(tmp_path / "new")
    left = _left({"captures.json": b'["mine.pcap", "good.pcap", "link.pcap"]'}, rest=b"bad")
    with pytest.raises(EmulationError, match=r"mine\.pcap: File exists; link\.pcap: File exists"):
        hand_over(left, ())
    assert (tmp_path / "mine.pcap").read_bytes() == b"mine"
    assert (tmp_path / "good.pcap").read_bytes() == b"bad"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("data", [b"", b"{", b"5", b"[[]]", b'{"x.pcap": 1}', b"[" * 60_000, b"\xff"])
def test_a_guests_nonsense_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.chdir(tmp_path)
    hand_over(_left({"captures.json": data}, rest=b"bad"), ())
    assert list(tmp_path.iterdir()) == []


def test_what_the_user_asked_for_goes_where_the_user_said(tmp_path: Path) -> None:
    there = tmp_path / "there.pcap"
    there.write_bytes(b"of an earlier run")
    requests = [CaptureRequest("l1", str(there)), CaptureRequest("l2", str(tmp_path / "new.pcap"))]
    hand_over(_left({"request-0.pcap": b"one", "request-1.pcap": b"two"}), requests)
    assert there.read_bytes() == b"one"
    assert (tmp_path / "new.pcap").read_bytes() == b"two"
    with pytest.raises(EmulationError, match=r"captures could not be kept: .*/no/x\.pcap: No such file or directory"):
        hand_over(_left({"request-0.pcap": b"one"}), [CaptureRequest("l1", str(tmp_path / "no" / "x.pcap"))])


def _left(files: dict[str, bytes], rest: bytes | None = None) -> Reader:
    """Return an archive of a guest's output: some files, and further bytes."""
    return lambda name, _limit_bytes: files.get(name, None if name == "captures.json" else rest)
