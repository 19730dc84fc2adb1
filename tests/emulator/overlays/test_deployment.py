"""Overlays from the command line, the shell and the library: deployment, times, measurements and errors."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from jsonschema_rs import Draft202012Validator

from emulator import emulate
from emulator.lab.daemons import Daemon, DaemonError
from emulator.options import OverlayOptions
from emulator.overlays import deployment
from gtsdsl import compile_to
from gtsdsl.data import shipped
from tests.emulator.kernel.standins import put
from tests.emulator.native import AS_USER, run_natively
from tests.emulator.overlays.guest import result_of
from tests.emulator.samples import HANG_S, MESH, Cli
from tests.emulator.topologies import joined

if TYPE_CHECKING:
    from emulator.overlays.base import Overlay


def test_a_result_fits_its_schema_and_names_the_study(overlaid: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = overlaid("flannel", "--probe", "--count", "2", "--json", str(out))
    assert (done.returncode, done.stderr) == (0, "")
    schema = json.loads(shipped("docs", "schema", "emulation-result-1.schema.json").read_text())
    Draft202012Validator(schema).validate(json.loads(out.read_text()))
    found = result_of(out)["overlay"]
    assert found["agent"] == "built-in control plane"
    assert found["store"].startswith("etcd 3.")
    study = {(pair["first"], pair["second"]): pair["study"] for pair in found["pairs"]}
    assert study["h1", "h2"] == {"overlay": "flannel", "min_ms": 42.5, "mean_ms": 42.9, "p99_ms": 43.0}
    assert study["h1", "h5"] is None  # Prague was not measured
    for item in found["first_packets"]:
        pair = next(it for it in found["pairs"] if (it["first"], it["second"]) == (item["first"], item["second"]))
        assert item["after_ns"] > pair["container_us"] * 1000
    line = next(line for line in done.stdout.splitlines() if line.startswith("l1 "))
    assert line.split()[-6:] == ["42.5", "ms", "42.9", "ms", "43.0", "ms"]
    assert "flannel vxlan, built-in control plane; etcd 3." in done.stdout


def test_two_runs_are_the_same_where_all_programs_are(overlaid: Cli, tmp_path: Path) -> None:
    """With etcd they differ by readings of the clock (256 ns each): Go's scheduler asks the processor's counter."""
    paths = [tmp_path / name for name in ("first", "second")]
    for path in paths:
        assert overlaid("geneve", "--probe", "--count", "3", "--json", str(path)).returncode == 0
    assert result_of(paths[0]) == result_of(paths[1])


def test_a_store_that_is_farther_away_takes_longer(overlaid: Cli, tmp_path: Path) -> None:
    """From Prague, all are nearer to Bratislava's neighbour than to Milan."""
    times = {}
    for store in ("h2", "PRA"):
        out = tmp_path / store
        assert overlaid("flannel", "--store", store, "--json", str(out), "--exec", "h1: true").returncode == 0
        found = result_of(out)
        times[store] = max(item["after_ns"] for item in found["overlay"]["first_packets"])
        assert [host["name"] for host in found["plan"]["hosts"] if host["is_store"]] == (
            ["store"] if store == "PRA" else []
        )
    assert times["PRA"] < times["h2"]


def test_several_containers_a_host_know_each_other_by_name(overlaid: Cli) -> None:
    done = overlaid("geneve", "--containers", "2", "--exec", "c1: ping -qc 2 c2", "--exec", "c2: ping -qc 2 c10")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("2 received") == 2


@pytest.mark.usefixtures("guest_kernel")
def test_the_shell_shows_the_overlay() -> None:
    lines = "nodes\noverlay h1\noverlay h9\nc1 ping -qc 1 c4\n"
    command = [sys.executable, "-m", "gtsdsl", "emulate", str(MESH), "--overlay", "flannel", "--clock", "virtual"]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=HANG_S, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    out = done.stdout
    assert re.search(r"^c4 +container +h4 +10\.244\.4\.2$", out, re.M)
    assert "flannel vxlan, built-in control plane; etcd 3." in out
    assert re.search(r"^ +peer +h2 +10\.244\.2\.0/24 +at 100\.64\.0\.2$", out, re.M)
    assert re.search(r"^ +link +flannel\.1 +MTU 1450 +vxlan vni 1 port 8472", out, re.M)
    assert re.search(r"^ +route +flannel\.1 +10\.244\.2\.0/24 +via 10\.244\.2\.0 onlink$", out, re.M)
    assert "*** the overlay is on no host h9" in out
    assert "1 packets transmitted, 1 received" in out


@pytest.mark.usefixtures("guest_kernel")
def test_a_python_program_works_in_containers() -> None:
    with emulate(MESH, overlay=OverlayOptions("flannel:host-gw", containers=2, store="h4")) as net:
        assert net.overlay is not None
        assert net.overlay.variant == "host-gw"
        done = net["c1"].run(["ping", "-q", "-c", "2", "c10"], check=True)
        least = re.search(r"= ([0-9.]+)/", done.stdout)
        assert least is not None
        assert 27.9 <= float(least[1]) <= 27.92


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("script", ['"$@"', AS_USER], ids=["root", "user"])
def test_run_natively_kernel(gtsdsl: Cli, script: str) -> None:
    """The host is a guest here, for it has netem; what is left is looked for after the end."""
    own = "export TMPDIR=/tmp/runs; mkdir $TMPDIR; "
    left = "; s=$?; sleep 1; pgrep -c etcd; ls -d /tmp/runs/gtsdsl-*/*-* /tmp/home/gtsdsl-*/*-* 2>/dev/null; exit $s"
    script = own + script.replace("exec ", "") + left
    arguments = ("--overlay", "flannel", "--exec", "c1: ping -qc 2 c2")
    status, out, err = run_natively(gtsdsl, script, *arguments)
    assert (status, err) == (0, "")
    assert "2 packets transmitted, 2 received" in out
    assert out.splitlines()[-1] == "0"  # processes of etcd, and no folder after that


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--overlay", "flanel"], 2, "error: unknown overlay flanel; did you mean `flannel`?"),
        (["--overlay", "flannel:vxlam"], 2, "error: flannel has no variant vxlam; did you mean `vxlan`?"),
        (["--overlay", "geneve", "--store", "h1"], 2, "error: geneve mesh keeps nothing in a store: omit --store"),
        (["--store", "h1"], 2, "--store needs --overlay"),
        (["--overlay", "flannel", "--store", "h9"], 2, "h9 is not a location for the store"),
        (["--overlay", "flannel", "--store", "192.0.2.1:2379"], 3, "cannot be reached from a guest kernel"),
        (["--overlay", "libnetwork", "--runtime", "process"], 2, "no containers of the runtime process"),
        (["--overlay", "geneve", "--overlay-network", "10.0.0.0/8"], 2, "overlaps 10.0.0.0/31 of circuit l1"),
        (["--overlay", "geneve", "--exec", "c9: true"], 2, "unknown host `c9`"),
        (["--overlay", "flannel", "--image", "x.tar"], 2, "error: --image is for Docker containers"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_in_a_line(gtsdsl: Cli, arguments: list[str], status: int, message: str) -> None:
    done = gtsdsl("emulate", str(MESH), "--probe", *arguments)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.usefixtures("guest_kernel")
def test_without_containers_it_is_named_below_the_circuits(gtsdsl: Cli, pair: Path) -> None:
    done = gtsdsl("emulate", str(pair), "--overlay", "geneve", "--containers", "0", "--probe", "--count", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].startswith("l1 ")
    assert done.stdout.splitlines()[2] == "geneve mesh, built-in control plane"


@pytest.mark.usefixtures("guest_kernel")
def test_a_guest_that_is_too_small_is_said_whatever_fails_in_it(gtsdsl: Cli) -> None:
    done = gtsdsl("emulate", str(MESH), "--overlay", "flannel", "--memory", "110M", "--exec", "c1: true")
    assert done.returncode != 0
    warning, *_, error = done.stderr.splitlines()
    assert warning == ("warning: with less --memory than 1024M, the default of this run, programs may die or hang")
    assert error.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_what_does_not_get_ready_is_named_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment, "_READY_PATIENCE_S", 0)
    (tmp_path / "log").write_text("the store is silent\n")
    agents = {host: Daemon("flannel", host, 0, tmp_path / "log") for host in ("h1", "h2", "h3")}
    found = SimpleNamespace(
        spec=SimpleNamespace(name="flannel", hosts=("h1", "h2", "h3"), containers=()),
        is_ready=lambda host: host == "h2",
        agents=agents,
        lab=SimpleNamespace(plan=SimpleNamespace(circuits=())),
    )
    with ExitStack() as stack:
        echoes = deployment._FirstEchoes(stack, 0, lambda _near, _far, _family: True)
        with pytest.raises(DaemonError) as caught:
            deployment._attach_all(cast("Overlay", found), echoes, lambda _: None)
    assert str(caught.value) == (
        "flannel is not ready on h1, h3 after 0 s: "
        "flannel on h1: the store is silent; flannel on h3: the store is silent"
    )


def test_a_daemon_that_never_gets_so_far_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("starting up\n")
    daemon = Daemon("dockerd", "h1", os.getpid(), tmp_path / "log")
    with pytest.raises(DaemonError, match=r"^dockerd on h1 does not gossip after 0\.01 s: starting up$"):
        daemon.wait_until(lambda: False, 0.01, "does not gossip")


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("overlay", ["flannel", "geneve"])
def test_one_host_alone_is_a_network_of_its_containers(gtsdsl: Cli, tmp_path: Path, overlay: str) -> None:
    alone = tmp_path / "alone.dsl"
    alone.write_text('Alone { host { id = "h1"; port { id = "p1" } } }\n')
    options = ("--overlay", overlay, "--containers", "2", "--exec", "c1: ping -qc 1 c2; cat /sys/class/net/eth0/mtu")
    done = gtsdsl("emulate", str(alone), *options)
    assert done.returncode == 0, done.stderr
    assert "1 packets transmitted, 1 received" in done.stdout
    assert done.stdout.splitlines()[-1] == "1450"


@pytest.mark.usefixtures("guest_kernel")
def test_each_of_many_hosts_on_a_switch_reaches_each(gtsdsl: Cli, tmp_path: Path) -> None:
    count = 36  # 1,260 neighbours, where a kernel keeps 1,024 of them if nothing is said
    star = joined(((f"h{number}", "s1", "1ms") for number in range(1, count + 1)), switches=["s1"])
    (tmp_path / "star.dsl").write_text(compile_to(star, "dsl"))
    options = ("--switch", "bridge", "--overlay", "none", "--exec", f"c1: ping -qc 1 c{count}")
    done = gtsdsl("emulate", str(tmp_path / "star.dsl"), *options)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("guest_kernel")
def test_hosts_with_as_many_containers_as_there_may_be(gtsdsl: Cli, tmp_path: Path) -> None:
    mesh = joined((f"h{one}", f"h{other}", "1ms") for one, other in itertools.combinations(range(1, 7), 2))
    (tmp_path / "mesh.dsl").write_text(compile_to(mesh, "dsl"))
    options = ("--overlay", "geneve", "--containers", "200", "--exec", "c1: ping -qc 1 c1200")
    done = gtsdsl("emulate", str(tmp_path / "mesh.dsl"), *options)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("echo the disk is full >&2; exit 3", "error: etcd on h1 ended with status 3: the disk is full"),
        ("echo thinking; exec sleep 1000", "error: the store is not ready after 60 s: thinking"),
    ],
)
def test_a_daemon_that_fails_is_named_with_its_last_words(
    gtsdsl: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, message: str
) -> None:
    broken = tmp_path / "bin" / "etcd"
    broken.parent.mkdir()
    put(broken, f"#!/bin/sh\n{body}\n")
    monkeypatch.setenv("PATH", f"{broken.parent}:{os.environ['PATH']}")
    done = gtsdsl("emulate", str(MESH), "--overlay", "flannel", "--exec", "h1: true")
    assert done.returncode == 1, done.stderr
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
