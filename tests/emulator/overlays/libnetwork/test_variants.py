"""The variants of Docker's overlay: the options of their daemons, the ingress pool, and a swarm that fails."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Network
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from emulator.docker import programs
from emulator.docker.daemon import Dockerd
from emulator.lab.daemons import Daemon, DaemonError
from emulator.overlays.deployment import relay_to
from emulator.overlays.libnetwork import variants
from emulator.overlays.libnetwork.overlay import Libnetwork
from emulator.overlays.libnetwork.variants import INGRESS_POOL, DockerNetwork, KeyValueVariant, SwarmVariant
from emulator.overlays.model import OverlaySpec
from emulator.stores import etcd
from emulator.stores.model import StoreLocation
from emulator.system.errors import EmulationError
from tests.emulator.kernel.standins import put

HOSTS = ("h1", "h2")
NETWORK = DockerNetwork("10.244.0.0/16", 1500)
STORE_AT = {"h1": ("127.0.0.1", 2379), "h2": ("100.64.0.1", 2379)}


def test_a_daemon_with_a_store_gets_the_stores_address_as_its_host_reaches_it_and_its_own() -> None:
    variant = KeyValueVariant(HOSTS, NETWORK, STORE_AT.__getitem__)
    assert variant.options("h1", "100.64.0.1") == [
        "--cluster-store=etcd://127.0.0.1:2379",
        "--cluster-advertise=100.64.0.1:2376",
    ]
    assert variant.options("h2", "100.64.0.2") == [
        "--cluster-store=etcd://100.64.0.1:2379",
        "--cluster-advertise=100.64.0.2:2376",
    ]


def test_a_daemon_of_a_swarm_gets_no_options() -> None:
    assert SwarmVariant(NETWORK).options("h1", "100.64.0.1") == []


def test_a_swarms_ingress_network_is_in_the_range_for_benchmarks() -> None:
    assert IPv4Network(INGRESS_POOL).subnet_of(IPv4Network("198.18.0.0/15"))


@pytest.mark.parametrize(
    ("version", "is_missing"), [("3.4.23", False), ("3.5.16", False), ("3.6.0", True), ("3.10.1", True)]
)
def test_an_etcd_without_the_api_that_docker_speaks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, is_missing: bool
) -> None:
    put(tmp_path / "etcd", f"#!/bin/sh\necho etcd Version: {version}\n")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(programs, "version", lambda: "20.10.24")
    monkeypatch.setattr(etcd, "installed_version", etcd.installed_version.__wrapped__)
    found = []
    for location in (StoreLocation(host="h1"), StoreLocation(address="192.0.2.1:2379"), None):
        spec = OverlaySpec("libnetwork", "kv", HOSTS, (), "10.244.0.0/16", "docker", location)
        found.append(list(Libnetwork.lacks(spec)))
    sentence = (
        f"Docker speaks version 2 of etcd's API, which etcd {version} does not have: use `--overlay libnetwork:swarm`, "
        "or install an etcd before 3.6"
    )
    assert found == [[sentence] if is_missing else [], [], []]


@pytest.fixture
def etcd_of_version() -> Iterator[Callable[[str], str]]:
    """A function that starts a server which says that it is an etcd of a version, and returns its address."""
    with contextlib.ExitStack() as stack:

        def start(version: str) -> str:
            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(json.dumps({"etcdserver": version}).encode())

            server = stack.enter_context(HTTPServer(("127.0.0.1", 0), Handler))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            return f"127.0.0.1:{server.server_port}"

        yield start


@pytest.mark.parametrize("version", ["3.6.1", "3.6.0-rc.3"])
def test_an_etcd_at_an_address_without_the_api_that_docker_speaks_is_refused(
    etcd_of_version: Callable[[str], str], version: str
) -> None:
    address = etcd_of_version(version)
    spec = OverlaySpec("libnetwork", "kv", HOSTS, (), "10.244.0.0/16", "docker", StoreLocation(address=address))
    with pytest.raises(EmulationError) as caught, relay_to(spec, in_guest=False):
        pass
    number = version.partition("-")[0]
    assert str(caught.value) == (
        f"libnetwork kv: Docker speaks version 2 of etcd's API, and the store at {address} is etcd {number}, which "
        "does not have it: use `--overlay libnetwork:swarm`, or an etcd before 3.6"
    )


@pytest.mark.parametrize(
    ("overlay", "version"), [("libnetwork:kv", "3.5.16"), ("libnetwork:kv", "unknown"), ("flannel:vxlan", "3.6.1")]
)
def test_an_etcd_at_an_address_is_used_if_its_version_is_not_known_to_be_too_new(
    etcd_of_version: Callable[[str], str], overlay: str, version: str
) -> None:
    name, variant = overlay.split(":")
    location = StoreLocation(address=etcd_of_version(version))
    spec = OverlaySpec(name, variant, HOSTS, (), "10.244.0.0/16", "docker", location)
    with relay_to(spec, in_guest=False) as relay:
        assert relay is not None


def test_a_swarm_that_does_not_begin_is_told_with_the_daemons_last_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variants, "_PATIENCE_S", 0.0)
    log = tmp_path / "log"
    log.write_text("waiting for a manager\n")
    with subprocess.Popen(["sleep", "1000"]) as process:
        waiting = cast("Dockerd", SimpleNamespace(daemon=Daemon("dockerd", "h2", process.pid, log)))
        try:
            with pytest.raises(DaemonError) as caught:
                SwarmVariant(NETWORK).join(waiting, "100.64.0.2")
        finally:
            process.kill()
    assert str(caught.value) == "dockerd on h2 finds no swarm to join after 0 s: waiting for a manager"
