"""etcd in a host of a network with delays, in the guest's virtual clock: how long things take, to the millisecond."""

from __future__ import annotations

import json
from pathlib import Path

from tests.emulator.samples import Cli

_SCRIPT = """
import json, time, urllib.request
from emulator.lab.daemons import DaemonError
from emulator.netlink import namespaces
from emulator.overlays.model import StoreLocation
from emulator.stores.client import Client, StoreError
from emulator.stores.etcd import Store

store = Store(net.lab, StoreLocation(host="h2"))
times = {}

def took(name, began_s=None):
    times[name] = time.monotonic() - began_s

def wait(condition):
    while not condition():
        time.sleep(0.001)

began_s = time.monotonic()
store.start()
wait(store.is_ready)
took("ready", began_s)
with namespaces.entered(net.lab.namespace("h1")), Client(*store.endpoint("h1")) as client:
    client.put("/a", "1")
    began_s = time.monotonic()
    client.put("/a", "2")
    took("put", began_s)
    with client.watch("/a", 1) as watch:
        watch.events(1)
        net.configLinkStatus("h1", "h2", "down")
        began_s = time.monotonic()
        try:
            while True:
                watch.events(60)
        except StoreError as error:
            times["watch"] = str(error)
        took("noticed", began_s)
        began_s = time.monotonic()
        try:
            client.get("/a")
        except StoreError as error:
            times["request"] = str(error)
        took("gave up", began_s)
    net.configLinkStatus("h1", "h2", "up")
    began_s = time.monotonic()
    times["back"] = client.get("/a").value
    lease = client.grant(10)
    client.put("/leased", "", lease)
    with client.watch("/leased", client.list_keys("").revision + 1) as watch:
        began_s = time.monotonic()
        times["event"] = [(event.kind, event.item.key) for event in watch.events(60)]
        took("ended", began_s)
store.stop()
began_s = time.monotonic()
store.start()
wait(store.is_ready)
took("again", began_s)
with namespaces.entered(net.lab.namespace("h2")):
    times["version 2"] = json.load(urllib.request.urlopen("http://127.0.0.1:2379/v2/keys"))
store.daemon.stop(9)
try:
    store.is_ready()
except DaemonError as error:
    times["died"] = str(error)
print(json.dumps(times))
"""


def test_a_store_in_a_host_is_quick_and_as_far_away_as_the_host(emulate: Cli, tmp_path: Path) -> None:
    script = tmp_path / "store.py"
    script.write_text(_SCRIPT)
    done = emulate("--script", str(script))
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["ready"] < 0.12
    assert 0.0362 <= seen["put"] < 0.0363  # the circuit's round trip: the connection is there already
    assert seen["watch"] == "the store at 100.64.0.2:2379: the watch is broken: connection timed out"
    assert 2 < seen["noticed"] < 6
    assert seen["request"].startswith("the store at 100.64.0.2:2379: ")
    assert seen["gave up"] <= 5.1
    assert seen["back"] == "2"
    assert seen["event"] == [["delete", "/leased"]]
    assert 9 < seen["ended"] < 11
    assert seen["again"] < 0.2
    assert seen["version 2"]["action"] == "get"  # of the API, which Docker speaks
    assert seen["died"].startswith("etcd on h2 was ended by signal 9: ")
