"""The Mininet script and the containerlab file, when they run: each host reaches all others."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gtsdsl import loads
from gtsdsl.model.shapes import build
from gtsdsl.model.testbed import flatten
from gtsdsl.targets import compile_to

ROOT = Path(__file__).parents[2]

Run = Callable[..., subprocess.CompletedProcess[str]]

STAR_WITH_A_SWITCH = """Star {
  vsi { id = "s1"; location = "AMS"; (1..3).each { port { id = "p${it}" } } }
  (1..3).each {
    host { id = "h${it}"; location = "AMS"; port { id = "p" } }
    link { id = "l${it}"; delay = "1ms"; port { id = "src" }; port { id = "dst" } }
    adjacency "h${it}.p", "l${it}.src"
    adjacency "s1.p${it}", "l${it}.dst"
  }
}"""

NESTED = """
type Island {
  port { id = "up" }
  host { id = "web-1"; location = "BRA"; port { id = "p" }; port { id = "q" } }
  host { id = "h2"; location = "BRA"; port { id = "p" } }
  link { id = "l"; delay = "1ms"; port { id = "src" }; port { id = "dst" } }
  adjacency "web-1.p", l.src
  adjacency h2.p, l.dst
  adjacency up, "web-1.q"
}
type Islands {
  Island { id = "west" }
  Island { id = "east" }
  link { id = "l"; delay = "5ms"; port { id = "src" }; port { id = "dst" } }
  adjacency west.up, l.src
  adjacency east.up, l.dst
}"""

TESTBEDS = {
    "mesh": build("full-mesh", ["AMS", "MIL", "LJU"], 4),
    "line": build("line", ["BRA", "PAR", "MAD"], 3),
    "star": loads(STAR_WITH_A_SWITCH),
    "islands": loads(NESTED),
}


OVS = "/usr/share/openvswitch/scripts/ovs-ctl start --system-id=test --no-monitor > /dev/null"


@pytest.mark.parametrize(
    ("target", "command", "needs"),
    [
        ("mininet", f"{OVS} && exec %s -m tests.targets.run_mininet %s", ("mnexec", "ovs-vsctl")),
        ("containerlab", "exec %s -m tests.targets.run_containerlab %s", ("ip", "tc", "sysctl")),
    ],
)
@pytest.mark.usefixtures("guest_kernel")
def test_every_host_reaches_every_other_by_its_name(
    gtsdsl: Run, target: str, command: str, needs: tuple[str, ...], tmp_path: Path
) -> None:
    for program in needs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: apt-get install mininet openvswitch-switch iproute2 procps")
    paths = [tmp_path / f"{name}.py" for name in TESTBEDS]
    for path, testbed in zip(paths, TESTBEDS.values(), strict=True):
        path.write_text(compile_to(testbed, target))
    done = gtsdsl("guest", "--", "sh", "-c", command % (sys.executable, shlex.join(map(str, paths))), cwd=ROOT)
    assert done.returncode == 0, done.stderr
    seen = dict(zip(TESTBEDS, json.loads(done.stdout.splitlines()[-1]), strict=True))
    for name, testbed in TESTBEDS.items():
        hosts = len(list(flatten(testbed).hosts))
        assert sum(map(len, seen[name].values())) == hosts * (hosts - 1), name
    # straight over the circuit of the two, also where another address of the host belongs to another circuit
    assert seen["mesh"]["h1"]["h3"] == pytest.approx(29.8, abs=0.1)  # AMS to LJU
    assert seen["line"]["h1"]["h3"] == pytest.approx(42.7 + 41.3, abs=0.1)  # BRA to PAR, PAR to MAD
    assert seen["star"]["h1"]["h3"] == pytest.approx(4, abs=0.1)
    west, east = (next(it for it in seen["islands"] if "h2" in it and side in it) for side in ("west", "east"))
    assert seen["islands"][west][east] == pytest.approx(2 + 10 + 2, abs=0.1)
