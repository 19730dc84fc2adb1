"""The shell of `gtsdsl emulate`, whose lines come from a file."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from emulator.kernel.cache import Kernel
from tests.emulator.samples import HANG_S


def type_in(topology: Path, text: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gtsdsl", "emulate", str(topology)]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=HANG_S, check=False)


def test_the_shell_knows_hosts_links_and_their_delays(pair: Path, guest_kernel: Kernel) -> None:
    text = (
        "nodes\nnet\nlinks\nh1 ping -q -c 2 h2\nlink l1 delay 40ms loss 0%\nrtt\nlink l1 down\nlinks\n"
        "h1 ping -c 1 -W 1 h2\nlink l1 up\nrtt\npy h1.name + '!'\npingall\npingall6\nexit\nnodes\n"
    )
    assert guest_kernel
    done = type_in(pair, text)
    assert done.returncode == 0, done.stderr
    out = done.stdout
    assert re.search(r"^h1 +host +AMS +100\.64\.0\.1 fd74:e102:a04c:ffff::1$", out, re.M)
    assert "h1 h1-eth0:h2-eth0" in out
    assert re.search(r"^l1 .* up +36\.2 ms, 1000 Mbit/s$", out, re.M)
    assert re.search(r"rtt min/avg/max/mdev = 36\.20", out)
    assert len(re.findall(r"^l1 +h1 +h2 +80\.00\d ms$", out, re.M)) == 2
    assert re.search(r"^l1 .* down +80 ms, 1000 Mbit/s$", out, re.M)
    assert "Network is unreachable" in out or "100% packet loss" in out
    assert "h1!" in out
    assert out.count("*** Results: 0% dropped (2/2 received)") == 2
    assert out.count("100.64.0.2 \n") == 0
    assert out.count("host         AMS") == 1  # `exit` came before the second `nodes`


def test_what_the_shell_does_not_know_is_said_and_it_goes_on(pair: Path, guest_kernel: Kernel) -> None:
    assert guest_kernel
    lines = ["foo", "linkss", "link l1 dealy 40ms", "link", "link l2 up", "link l1 sideways", "link l1 loss many"]
    done = type_in(pair, "\n".join([*lines, "h1", "xterm h1", "h1 echo still here", ""]))
    assert done.returncode == 0
    assert "still here" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    messages = (
        "neither a command nor a host",
        "unknown link l2",
        "usage: link ID",
        "is not a share",
        "DISPLAY is not set",
    )
    for said in messages:
        assert said in done.stdout + done.stderr
    for near in ("links", "delay"):
        assert f"did you mean `{near}`?" in done.stdout + done.stderr


def test_a_hosts_shell_that_has_ended_is_started_again(pair: Path, guest_kernel: Kernel) -> None:
    assert guest_kernel
    done = type_in(pair, "h1 exit\nh1 kill -9 $$\nh2 echo of h2\nh1 echo another\n")
    assert done.stdout.count("h1: its shell has ended") == 2
    assert done.stdout.splitlines()[-2:] == ["of h2", "another"]


def test_a_line_that_stops_the_clock_is_named(pair: Path, guest_kernel: Kernel) -> None:
    assert guest_kernel
    command = [sys.executable, "-m", "gtsdsl", "emulate", str(pair), "--patience", "10"]
    text = "h2 true\nh1 while :; do :; done\n"
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=HANG_S, check=False)
    assert done.returncode == 125
    assert "given up while it ran: h1 while :; do :; done\n" in done.stderr


def test_loss_is_as_often_as_was_asked_for_from_the_first_packet_on(pair: Path, guest_kernel: Kernel) -> None:
    """A small seed, taken as it is, would lose the first packets of every circuit."""
    assert guest_kernel
    text = "link l1 loss 2%\nh1 ping -q -c 5 h2\nh1 ping -q -c 2000 -i 0.01 h2\n"
    lost = [float(part) for part in re.findall(r"([\d.]+)% packet loss", type_in(pair, text).stdout)]
    assert lost[0] <= 40
    assert 2.2 <= lost[1] <= 5.8  # there and back
