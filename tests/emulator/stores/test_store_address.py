"""`--store ADDRESS`: the user's own etcd. A guest stands for the user's machine, because it has netem."""

from __future__ import annotations

import pytest

from emulator.overlays.flannel.leases import CONFIG_KEY
from tests.emulator.native import AS_USER, run_natively
from tests.emulator.samples import MESH, Cli

pytestmark = pytest.mark.usefixtures("guest_kernel")
_FLANNEL = ("--overlay", "flannel", "--store", "127.0.0.1:2379")
_KEYS = "ETCDCTL_API=3 etcdctl get --prefix --keys-only /coreos.com"
_SOMEBODYS = """
etcd --data-dir /tmp/somebodys > /tmp/etcd.log 2>&1 & etcd=$!
until grep -q 'ready to serve client requests' /tmp/etcd.log; do sleep 0.1; done
export ETCDCTL_API=3
(%s); status=$?
etcdctl get --prefix --keys-only /coreos.com
etcdctl lease list
pgrep -f -c '[e]mulator.inside'
kill $etcd
exit $status
"""


@pytest.mark.parametrize("script", ['"$@"', AS_USER], ids=["root", "user"])
def test_an_overlay_keeps_its_state_in_somebodys_etcd(gtsdsl: Cli, script: str) -> None:
    commands = ("--exec", "c1: ping -q -c 2 c4", "--exec", f"h1: {_KEYS}; echo that is all")
    status, out, err = run_natively(gtsdsl, _SOMEBODYS % script, *_FLANNEL, *commands)
    assert (status, err) == (0, "")
    assert " 0% packet loss" in out
    during, after = out.split("that is all")
    assert [line for line in during.splitlines() if line.startswith("/")] == [
        "/coreos.com/network/config",
        *(f"/coreos.com/network/subnets/10.244.{number}.0-24" for number in range(1, 6)),
    ]
    assert "/coreos.com" not in after  # what was put there has been taken out again
    assert "found 0 leases" in after
    assert out.splitlines()[-1] == "0"  # nor is the relay left


def test_a_run_that_is_interrupted_takes_its_leases_along(gtsdsl: Cli) -> None:
    script = 'timeout --foreground -s INT 30 "$@" | grep -m 1 leased'
    command = f"h1: {_KEYS} | grep -c subnets | sed 's/$/ leased/'; sleep 1000"
    _, out, _ = run_natively(gtsdsl, _SOMEBODYS % script, *_FLANNEL, "--exec", command)
    assert out.splitlines() == ["5 leased", "found 0 leases", "0"]


def test_a_configuration_that_is_there_is_kept_and_what_it_asks_for_is_done_or_named(gtsdsl: Cli) -> None:
    script = f"""
    for backend in '"vxlan"' '"udp"' '"vxlan","VNI":7'; do
      etcdctl put {CONFIG_KEY} '{{"Network":"10.244.0.0/16","Backend":{{"Type":'"$backend"'}}}}' > /dev/null
      "$@" 2>&1; echo status $?
    done"""
    _, out, _ = run_natively(gtsdsl, _SOMEBODYS % script, *_FLANNEL, "--exec", "c1: ping -q -c 2 c4")
    assert " 0% packet loss" in out
    assert [line for line in out.splitlines() if line.startswith(("error", "status", "/"))] == [
        "status 0",
        f"error: {CONFIG_KEY} in the store at 127.0.0.1:2379 demands udp in 10.244.0.0/16: use `--overlay flannel:udp "
        "--overlay-network 10.244.0.0/16`, or use another etcd, or a store inside the topology (`--store h1`)",
        "status 3",
        f"error: {CONFIG_KEY} in the store at 127.0.0.1:2379: Backend.VNI is 7, and only 1 is supported; use another "
        "etcd, or a store inside the topology (`--store h1`)",
        "status 3",
        CONFIG_KEY,
    ]


def test_an_etcd_in_which_others_machines_have_leases_is_left_alone(gtsdsl: Cli) -> None:
    lease = "/coreos.com/network/subnets/10.5.52.0-24"
    script = f"""etcdctl put {lease} '{{"PublicIP":"192.168.64.3"}}' > /dev/null; "$@" """
    status, out, err = run_natively(gtsdsl, _SOMEBODYS % script, *_FLANNEL, "--exec", "h1: true")
    assert status == 3
    assert err == (
        "error: the store at 127.0.0.1:2379 has leases of hosts outside this network: 10.5.52.0/24 of "
        "192.168.64.3; use another etcd, or a store inside the topology (`--store h1`)\n"
    )
    assert [line for line in out.splitlines() if line.startswith("/")] == [lease]


def test_where_nothing_answers_nothing_is_started(gtsdsl: Cli) -> None:
    status, out, err = run_natively(gtsdsl, '"$@"', "--overlay", "flannel", "--store", "127.0.0.1:2379", "--probe")
    assert (status, out) == (3, "")
    assert err == (
        "error: flannel vxlan: the store at 127.0.0.1:2379: connection refused: start an etcd there, or use a store "
        "inside the topology, as in `--store h1`\n"
    )


def test_a_guest_cannot_reach_the_machines_network(gtsdsl: Cli) -> None:
    done = gtsdsl("emulate", str(MESH), "--overlay", "flannel", "--store", "10.0.0.5:2379", "--probe")
    assert (done.returncode, done.stdout) == (3, "")
    assert "cannot be reached from a guest kernel" in done.stderr
    assert "--kernel native" in done.stderr


def test_a_store_without_an_overlay_is_refused(gtsdsl: Cli) -> None:
    done = gtsdsl("emulate", str(MESH), "--store", "h1", "--probe")
    assert done.returncode == 2
    assert "--store needs --overlay" in done.stderr


def test_a_site_where_nobody_stands_is_refused(gtsdsl: Cli) -> None:
    done = gtsdsl("emulate", str(MESH), "--overlay", "flannel", "--store", "LON", "--probe")
    assert done.returncode == 2
    assert "LON is not a location for the store: name a host (h1, h2, h3, h4, h5), a site (" in done.stderr


@pytest.mark.parametrize(("place", "host"), [("h3", "h3"), ("MIL", "store")])
def test_the_store_is_where_it_was_asked_for(gtsdsl: Cli, place: str, host: str) -> None:
    done = gtsdsl("emulate", str(MESH), "--overlay", "flannel", "--store", place, "--probe", "--exec", f"{host}: "
                  "ETCDCTL_API=3 etcdctl get --prefix --keys-only --limit 1 /")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert f" on {host}, ready after 0." in done.stdout
    assert "/coreos.com/network/config" in done.stdout
