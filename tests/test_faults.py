"""Inputs that once failed, each with what it is to come to: a text in, an exit status and a sentence out.

Those of other kinds have tests of their own: what runs in a stranger's folder (`session/test_hijack.py`), what a guest
may write (`kernel/test_output.py`), umasks (`session/test_umask.py`), the Action (`ci/test_action.py`), and jitter
(`session/test_jitter.py`).
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.bounds import bounded_gtsdsl

FAULTS = Path(__file__).parent / "faults"


def gtsdsl(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder of faults, within bounds of processor time and memory."""
    return bounded_gtsdsl(*arguments, cwd=FAULTS)


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("accepts.dsl", 1, "error[GTS001]: expected a statement or `}`, found `else`"),
        pytest.param(
            *("adjacency-loop.dsl", 1, "error[GTS012]: more than 1000000 resources, ports and adjacencies"),
            marks=pytest.mark.slow("makes a million adjacencies"),
        ),
        ("contains-hang.dsl", 1, "error[GTS012]: evaluation takes more than 10000000 steps"),
        pytest.param(
            *("findings.dsl", 1, "error[GTS022]: there is no resource `c`"),
            marks=pytest.mark.slow("has hundreds of thousands of findings"),
        ),
        ("mapeq-hang.dsl", 1, "error[GTS012]: evaluation takes more than 10000000 steps"),
        ("recover-loop.dsl", 1, "error[GTS001]: expected a statement, found `=`"),
        ("clab-no-routes.dsl", 0, "0 errors, 0 warnings"),
        ("constructor-ignored.dsl", 0, "warning[GTS040]: no host can reach another: none of the 2 hosts"),
        ("cpuspeed-refused.dsl", 0, "0 errors, 0 warnings"),
        ("hyphen-help.dsl", 1, 'help: write such an id in quotes: `"web-1.p"`'),
        ("mininet-mesh-names.dsl", 0, "0 errors, 0 warnings"),
        ("editor-control-port-read.json", 0, "0 errors, 0 warnings"),
    ],
)
def test_check(name: str, status: int, said: str) -> None:
    done = gtsdsl("check", name)
    assert done.returncode == status, done.stderr
    assert said in done.stdout + done.stderr


@pytest.mark.parametrize("rest", ["", ',"k0":2'], ids=["one", "two"])
def test_a_hundred_thousand_keys_with_repeated_ones(tmp_path: Path, rest: str) -> None:
    keys = ",".join(f'"k{number}":1' for number in range(100_000))
    path = tmp_path / "keys.json"
    path.write_text(f'{{"gts":"2.0",{keys},"k99999":2{rest}}}')
    done = gtsdsl("check", str(path))
    assert done.returncode == 1
    assert "k99999" in done.stdout + done.stderr


def test_two_hundred_thousand_wrong_resources(tmp_path: Path) -> None:
    parts = ",".join(['{"class":1,"x":2}'] * 200_000)
    path = tmp_path / "resources.json"
    path.write_text(f'{{"gts":"2.0","type":"T","id":"t","resources":[{parts}],"adjacencies":[]}}')
    done = gtsdsl("check", str(path))
    assert done.returncode == 1
    assert "100 errors" in done.stderr


def _project(name: str) -> tuple[dict[str, dict[str, object]], str]:
    done = gtsdsl("compile", name, "--to", "editor-json")
    assert done.returncode == 0, done.stderr
    return {node["dsl_id"]: node for node in json.loads(done.stdout)["nodes"]}, done.stderr


def test_the_editor_gets_a_control_ports_mode_in_quotes() -> None:
    nodes, said = _project("editor-control-port-write.dsl")
    assert nodes["sw1"]["ports"] == {"p1": {"logicalPort": 1}, "pC": {"mode": '"CONTROL"'}}
    assert said == ""


def test_the_editor_gets_an_image_and_a_flavor_and_what_the_mouse_needs() -> None:
    nodes, _ = _project("editor-undefined-image.dsl")
    for node in nodes.values():
        assert node["image"] and node["flavor"]  # noqa: PT018 - each of them is missing in the same way
        assert (node["ports_count"], node["selfieRadiuses"]) == (1, [])


def test_the_editor_has_no_ofx_and_no_id_with_an_underscore() -> None:
    nodes, said = _project("editor-ofx-as-vsi.dsl")
    assert {"controller", "switchMode", "switchIPv4Addr", "switchIPv4Mask"} <= nodes["s1"].keys()
    assert said.count("warning[GTS050]") >= 2
    assert "My_Lab" in said and "vsi" in said  # noqa: PT018
