"""A testbed that states a routing protocol, in the formats of labs that have static routes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gtsdsl.loading import load
from gtsdsl.targets import containerlab, mininet
from tests.emulator.samples import MESH


@pytest.mark.parametrize("target", [containerlab, mininet])
def test_a_lab_with_static_routes_warns_of_a_protocol(target: object) -> None:
    testbed = load(MESH)
    for attributes, said in (
        ({"routing": "ospf,hello=1"}, ["the routes of the lab are static: nothing runs ospf"]),
        ({"routing": "static"}, []),
        ({}, []),
    ):
        found = target.remarks(replace(testbed, attributes=attributes))  # type: ignore[attr-defined]
        assert [remark.message for remark in found] == said
