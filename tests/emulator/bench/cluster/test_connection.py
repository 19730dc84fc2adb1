"""The address of a scheduler, and a scheduler that does not answer."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import pytest

from emulator.bench.cluster import connection
from emulator.bench.cluster.connection import AddressError, Connection, scheduler_address
from emulator.system.errors import EmulationError
from tests.emulator.samples import Cli


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:8786", "tls://head.example:8786", "tcp://[::1]:8786"])
def test_an_address_of_dask_is_taken(address: str) -> None:
    assert scheduler_address(address) == address


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("10.0.0.1:8786", "is none of tcp://HOST:PORT and tls://HOST:PORT"),
        ("http://10.0.0.1:8786", "is none of tcp://HOST:PORT and tls://HOST:PORT"),
        ("inproc://1", "is none of tcp://HOST:PORT and tls://HOST:PORT"),
        ("tcp://10.0.0.1", "is not tcp://HOST:PORT"),
        ("tcp://:8786", "is not tcp://HOST:PORT"),
        ("tls://user@host:8786", "is not tls://HOST:PORT"),
        ("tcp://host:8786/path", "is not tcp://HOST:PORT"),
        ("tcp://host:99999", "is no address: write tcp://HOST:PORT"),
        ("", "is none of tcp://HOST:PORT and tls://HOST:PORT"),
    ],
)
def test_another_address_is_refused_before_anything_is_sent(address: str, message: str) -> None:
    with pytest.raises(AddressError) as caught:
        scheduler_address(address)
    assert str(caught.value) == f"--scheduler: {address} {message}"


def test_a_missing_dask_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(EmulationError) as caught:
        scheduler_address("tcp://10.0.0.1:8786")
    assert str(caught.value) == "the Python package distributed is missing: pip install 'gtsdsl[dask]'"


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_CONNECT_S", 5.0)
    monkeypatch.setattr(connection, "_ANSWER_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(EmulationError) as caught:
            Connection(address)
        assert str(caught.value) == f"what answers at {address} is no scheduler of Dask: `dask scheduler` starts one"
    monkeypatch.setattr(connection, "_CONNECT_S", 0.5)
    monkeypatch.setattr(connection, "_ANSWER_S", 60.0)  # Dask itself gives up
    with pytest.raises(EmulationError) as caught:
        Connection(address)
    assert str(caught.value) == f"no scheduler answers at {address} within 0.5 s: `dask scheduler` starts one"


def test_an_address_with_tls_needs_certificates() -> None:
    with pytest.raises(EmulationError) as caught:
        Connection("tls://127.0.0.1:1")
    assert str(caught.value) == (
        "tls://127.0.0.1:1 needs certificates: set them in Dask's configuration, distributed.comm.tls"
    )


def test_a_wrong_address_ends_the_command_before_anything_is_made(gtsdsl: Cli, pair: Path) -> None:
    done = gtsdsl("bench", str(pair), "--scheduler", "http://x:1", "-o", "report")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: --scheduler: http://x:1 is none of tcp://HOST:PORT and tls://HOST:PORT\n"
