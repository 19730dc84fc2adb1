"""Calico with the user's own etcd, natively. A guest stands for the user's machine, because it has netem."""

from __future__ import annotations

import pytest

from tests.emulator.native import AS_USER, run_natively
from tests.emulator.samples import Cli

pytestmark = pytest.mark.usefixtures("guest_kernel")
_SOMEBODYS = """
etcd --data-dir /tmp/somebodys > /tmp/etcd.log 2>&1 & etcd=$!
export ETCDCTL_API=3
until etcdctl endpoint health > /tmp/health.log 2>&1; do
    kill -0 $etcd || { cat /tmp/etcd.log >&2; exit 1; }
    sleep 0.1
done
%s
status=$?
echo left; etcdctl get --prefix --keys-only /calico
kill $etcd
exit $status
"""
_STORE = ("--store", "127.0.0.1:2379")
_NODE = "/calico/resources/v3/projectcalico.org/nodes/somebodys"


@pytest.mark.parametrize(
    ("variant", "script"), [("rr", AS_USER), ("ipip", '"$@"'), ("vxlan", AS_USER)], ids=["rr", "ipip", "vxlan"]
)
def test_what_was_put_into_somebodys_etcd_is_taken_out_again(gtsdsl: Cli, variant: str, script: str) -> None:
    commands = ("--exec", "c1: ping -q -c 2 c4", "--exec", "h1: ETCDCTL_API=3 etcdctl get --prefix --keys-only /calico")
    script = f"({script})"  # which may replace the shell
    status, out, err = run_natively(gtsdsl, _SOMEBODYS % script, "--overlay", f"calico:{variant}", *_STORE, *commands)
    assert (status, err) == (0, "")
    assert " 0% packet loss" in out
    during, after = out.split("left\n")
    assert "/calico/ipam/v2/host/h1/ipv4/block/10.244.1.0-26" in during.split()
    assert after.split() == []


def test_an_etcd_of_another_calico_is_left_alone(gtsdsl: Cli) -> None:
    script = f"""etcdctl put {_NODE} '{{}}' > /dev/null; "$@" """
    status, out, err = run_natively(gtsdsl, _SOMEBODYS % script, "--overlay", "calico", *_STORE, "--exec", "h1: true")
    assert status == 3
    assert err == (
        f"error: the store at 127.0.0.1:2379 has data of another Calico, such as {_NODE}; use another etcd, or a store "
        "inside the topology (`--store h1`)\n"
    )
    assert out.split("left\n")[1].split() == [_NODE]
