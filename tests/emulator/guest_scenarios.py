"""Scenarios that `gtsdsl emulate --script` plays in a guest, with the network."""

from __future__ import annotations

import json
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from emulator.lab.daemons import DaemonError
from emulator.mininet.network import EmulatedNetwork
from emulator.mininet.node import EmulatedNode
from emulator.netlink import namespaces
from emulator.stores import etcd
from emulator.stores.client import Client, StoreError
from emulator.stores.etcd import Store
from emulator.stores.model import StoreLocation


def use_a_store_in_a_host(net: EmulatedNetwork) -> None:
    """Print how long requests to an etcd in h2 take, in seconds, and what is said while the circuit to it is down."""
    store = Store(net.lab, StoreLocation(host="h2"))
    seen: dict[str, object] = {"ready": _seconds(lambda: _start(store))}
    with namespaces.entered(net.lab.namespace("h1")), Client(*store.endpoint("h1")) as client:
        client.put("/a", "1")
        seen["put"] = _seconds(lambda: client.put("/a", "2"))
        with client.watch("/a", 1) as watch:
            watch.events(1)
            net.configLinkStatus("h1", "h2", "down")
            began_s = time.monotonic()
            try:
                while True:
                    watch.events(60)
            except StoreError as error:
                seen["watch"] = str(error)
            seen["noticed"] = time.monotonic() - began_s
            began_s = time.monotonic()
            try:
                client.get("/a")
            except StoreError as error:
                seen["request"] = str(error)
            seen["gave up"] = time.monotonic() - began_s
        net.configLinkStatus("h1", "h2", "up")
        item = client.get("/a")
        seen["back"] = item and item.value
        client.put("/leased", "", client.grant(10))
        with client.watch("/leased", client.list_keys("").revision + 1) as watch:
            began_s = time.monotonic()
            seen["event"] = [(event.kind, event.item.key) for event in watch.events(60)]
            seen["ended"] = time.monotonic() - began_s
    store.stop()
    seen["again"] = _seconds(lambda: _start(store))
    if etcd.installed_version() < etcd.FIRST_WITHOUT_V2:
        with namespaces.entered(net.lab.namespace("h2")):
            seen["version 2"] = json.load(urllib.request.urlopen("http://127.0.0.1:2379/v2/keys"))
    assert store.daemon is not None
    store.daemon.stop(signal.SIGKILL)
    try:
        store.is_ready()
    except DaemonError as error:
        seen["died"] = str(error)
    print(json.dumps(seen))


def _seconds(action: Callable[[], object]) -> float:
    began_s = time.monotonic()
    action()
    return time.monotonic() - began_s


def _start(store: Store) -> None:
    store.start()
    while not store.is_ready():
        time.sleep(0.001)


def limit_processors(net: EmulatedNetwork) -> None:
    """Print the processor quota of hosts, and whether their shells and processes are in its control group."""
    h1 = net["h1"]
    h1.cmd("true")
    h1.setCPUFrac(0.25)
    _print_quota(h1)
    h1.setCPUFrac(-1)
    _print_quota(h1)
    _print_quota(net.addHost("h9", cpu=0.5))


def _print_quota(host: EmulatedNode) -> None:
    (group,) = Path("/sys/fs/cgroup/cpu").glob(f"gtsdsl-*/{host.name}")
    look = "cat /proc/self/cgroup"
    seen = host.cmd(look), host.popen(look).communicate()[0].decode()
    name = f"cpu:/{group.parent.name}/{host.name}"
    print((group / "cpu.cfs_quota_us").read_text().strip(), *(name in it for it in seen))


def look_for_an_images_variables(net: EmulatedNetwork) -> None:
    """Check that the image's variables reach the programs of its container, and no others."""
    assert net["h1"].cmd("ls /tmp").count("telltale.") > 0
    assert net["h1"].pexec(["sh", "-c", "echo $LD_DEBUG"]) == ("statistics\n", "", 0)
    assert list(Path("/tmp").glob("telltale.*")) == []


def end_commands(net: EmulatedNetwork) -> None:
    """End a ping by Mininet's Ctrl-C, and a process by its handle."""
    host = net["h1"]
    host.sendCmd("ping h2")
    time.sleep(2.5)
    host.sendInt()
    assert "3 packets transmitted, 3 received" in host.waitOutput()
    process = host.popen(["sh", "-c", "trap 'echo told; exit 9' TERM; while :; do sleep 0.1; done"])
    time.sleep(1)
    process.terminate()
    assert (process.communicate()[0], process.returncode) == (b"told\n", 9)
    assert host.cmd("echo still here").strip() == "still here"
