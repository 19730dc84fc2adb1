"""A lab: hosts with namespaces and processes, and nothing left of it afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emulator.lab.lab import Lab
from emulator.netlink import namespaces
from emulator.plan import Options, plan
from emulator.system.errors import EmulationError
from tests.emulator.topologies import joined

pytestmark = pytest.mark.networks

PLAN = plan(joined([("a", "b"), ("b", "s1"), ("c", "s1")], ("s1",)), Options(impaired=False, switch="bridge"))


def test_each_host_has_a_namespace_and_switches_share_one() -> None:
    with Lab(PLAN) as lab:
        assert lab.hosts == ("a", "b", "c")
        numbers = {os.fstat(lab.namespace(node)).st_ino for node in ("a", "b", "c", "s1")}
        assert len(numbers) == 4
        assert os.fstat(lab.namespace("s1")).st_ino == os.fstat(lab.switches_namespace).st_ino


def test_a_circuit_is_found_by_its_id_and_an_unknown_one_is_an_error() -> None:
    with Lab(PLAN) as lab:
        assert lab.circuit("l2").first.node == "b"
        with pytest.raises(EmulationError, match="unknown link l9"):
            lab.circuit("l9")


def test_the_run_folder_is_gone_with_the_lab() -> None:
    with Lab(PLAN) as lab:
        folder: Path = lab.run_folder
        assert folder.is_dir()
    assert not folder.exists()


def test_an_adopted_namespace_is_closed_with_the_lab() -> None:
    ((descriptor, _),) = namespaces.create(1, lambda _: None)
    with Lab(PLAN) as lab:
        lab.adopt(descriptor)
        os.fstat(descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
