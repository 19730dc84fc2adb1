"""Each overlay over the placements of the study: all hosts at one site, two sites, and a star around a server.

The full mesh over five sites is what the tests of each overlay measure.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.emulator.overlays.subjects import Subject
from tests.emulator.samples import ROOT, Cli

LARGEST_ERROR_US = 10.0
EXAMPLES = {
    "full_mesh_one_site.dsl": 10,
    "point_to_point/ams_bra.dsl": 1,
    "star_streaming.dsl": 7,
}
"""The files, and the pairs of hosts with a circuit between them."""
_CLIENTS = '["AMS", "AMS", "AMS", "AMS", "MIL", "LJU", "PRA"]'
_FEW_CLIENTS = '["AMS", "MIL"]'
"""The clients of the star for `libnetwork`: a `dockerd` on each of eight hosts would take too long."""


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_overlay_takes_the_circuits_of_each_placement(
    gtsdsl: Cli, any_overlay: Subject, example: str, tmp_path: Path
) -> None:
    text, pairs = ROOT.joinpath("examples", example).read_text(), EXAMPLES[example]
    if any_overlay.overlay == "libnetwork" and _CLIENTS in text:
        text, pairs = text.replace(_CLIENTS, _FEW_CLIENTS), 2
    topology = tmp_path / "topology.dsl"
    topology.write_text(text)
    result = tmp_path / "result.json"
    # The figure is the median. A `dockerd` that has just started may keep a few echoes in a row from their time, and
    # all echoes of a site are over in some milliseconds.
    what = ("--overlay", any_overlay.argument, *any_overlay.options)
    done = gtsdsl("emulate", str(topology), *what, "--probe", "--count", "25", "--json", str(result))
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(result.read_text())["overlay"]
    assert len(found["pairs"]) == pairs
    for pair in found["pairs"]:
        assert pair["lost"] == 0, pair
        assert abs(pair["error_us"]) <= LARGEST_ERROR_US, pair
    assert all(first["after_ns"] is not None for first in found["first_packets"])
