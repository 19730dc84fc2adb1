"""The variants of Docker's overlay: the options of their daemons, the ingress pool, and a swarm that fails."""

from __future__ import annotations

import subprocess
from ipaddress import IPv4Network
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from emulator.docker.daemon import Dockerd
from emulator.lab.daemons import Daemon, DaemonError
from emulator.overlays.libnetwork import variants
from emulator.overlays.libnetwork.variants import INGRESS_POOL, DockerNetwork, KeyValueVariant, SwarmVariant

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


def test_a_swarm_that_does_not_begin_is_told_with_the_daemons_last_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variants, "_PATIENCE_S", 0.0)
    log = tmp_path / "log"
    log.write_text("waiting for a manager\n")
    with subprocess.Popen(["sleep", "1000"]) as process:
        waiting = cast("Dockerd", SimpleNamespace(daemon=Daemon("dockerd", "h2", process.pid, log)))
        with pytest.raises(DaemonError) as caught:
            SwarmVariant(NETWORK).join(waiting, "100.64.0.2")
        process.kill()
    assert str(caught.value) == "dockerd on h2 finds no swarm to join after 0 s: waiting for a manager"
