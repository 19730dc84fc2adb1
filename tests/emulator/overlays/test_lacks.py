"""The parts of the kernel that overlays need, and the errors about missing parts before anything starts."""

from __future__ import annotations

import pytest

from emulator.kernel.cache import Kernel
from emulator.netlink import facilities
from emulator.netlink.handle import Handle
from tests.emulator.kernel.packaged import runs_or_says_why
from tests.emulator.samples import MESH, Cli


def add_unknown(kernel: Handle) -> None:
    kernel._add("try", {"kind": "no-such-kind"})


@pytest.mark.networks
def test_what_the_kernel_does_not_know_is_a_sentence_with_the_command_that_mends_it() -> None:
    (said,) = facilities.lacks("tunnels", "no-such-kind", add_unknown)
    assert said == (
        "this kernel has no tunnels: load it with `modprobe no-such-kind`, or use a guest kernel "
        "(`gtsdsl kernel build`)"
    )
    # a kind that each network has, because a kernel with namespaces may still lack bridges
    assert not list(facilities.lacks("veth pairs", "veth", lambda it: it._add("try", {"kind": "veth"})))


def test_debians_guest_kernel_has_no_wireguard_and_says_so(gtsdsl: Cli, packaged: Kernel) -> None:
    if not runs_or_says_why(gtsdsl, packaged):
        return
    arguments = ["--kernel", "uml-packaged", "--clock", "real", "--exec", "c1: true"]
    done = gtsdsl("emulate", str(MESH), "--overlay", "flannel:wireguard", *arguments)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "error: flannel wireguard: this kernel has no WireGuard: load it with `modprobe wireguard`, or use a guest "
        "kernel (`gtsdsl kernel build`)\n"
    )


def test_debians_guest_kernel_runs_the_other_forms(gtsdsl: Cli, packaged: Kernel) -> None:
    if not runs_or_says_why(gtsdsl, packaged):
        return
    arguments = ["--kernel", "uml-packaged", "--clock", "real", "--exec", "c1: ping -qc 2 c5"]
    done = gtsdsl("emulate", str(MESH), "--overlay", "flannel", *arguments)
    assert done.returncode == 0, done.stderr
    assert "2 received" in done.stdout


def test_debians_guest_kernel_runs_weaves_fast_datapath_and_lacks_its_encryption(gtsdsl: Cli, packaged: Kernel) -> None:
    if not runs_or_says_why(gtsdsl, packaged):
        return
    arguments = ["--kernel", "uml-packaged", "--clock", "real", "--exec", "c1: ping -qc 2 c5"]
    done = gtsdsl("emulate", str(MESH), "--overlay", "weave", *arguments)
    assert done.returncode == 0, done.stderr
    assert "2 received" in done.stdout
    done = gtsdsl("emulate", str(MESH), "--overlay", "weave", "--overlay-password", "a secret", *arguments)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "error: weave fastdp: this kernel has no IPsec with AES-GCM: load it with `modprobe esp4`, or use a guest "
        "kernel (`gtsdsl kernel build`)\n"
    )
