"""The examples are right, and every format takes them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest

import gtsdsl
from gtsdsl.data import shipped
from gtsdsl.formatting import format_text
from gtsdsl.inputs.files import read_source
from gtsdsl.loading import check
from gtsdsl.model.testbed import flatten
from gtsdsl.targets import FORMATS

EXAMPLES = sorted(Path(__file__).parents[1].joinpath("examples").glob("**/*.dsl"))
_SCHEMA = jsonschema_rs.validator_for(json.loads(shipped("docs", "schema", "gts-json-2.0.schema.json").read_text()))

each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


@each_example
def test_clean(path: Path) -> None:
    assert check(read_source(path)).diagnostics == ()


@each_example
def test_laid_out(path: Path) -> None:
    text = path.read_text()
    assert format_text(text) == text


@each_example
def test_gts_json_is_valid_and_a_fixed_point(path: Path) -> None:
    text = gtsdsl.compile_to(gtsdsl.load(path), "gts-json")
    _SCHEMA.validate(json.loads(text))
    expanded = gtsdsl.compile_to(gtsdsl.loads(text), "dsl")
    assert gtsdsl.compile_to(gtsdsl.loads(expanded), "gts-json") == text


@each_example
@pytest.mark.parametrize("target", FORMATS)
def test_compiles(path: Path, target: str) -> None:
    testbed = gtsdsl.load(path)
    text = gtsdsl.compile_to(testbed, target)
    assert text.endswith("\n")
    assert text == gtsdsl.compile_to(gtsdsl.load(path), target)


@each_example
def test_graph_and_back(path: Path) -> None:
    testbed = gtsdsl.load(path)
    assert gtsdsl.from_graph(gtsdsl.to_graph(testbed)) == flatten(testbed)


def example(name: str) -> Path:
    return next(path for path in EXAMPLES if path.stem == name)


@pytest.mark.parametrize(
    ("name", "hosts", "switches", "links"),
    [
        ("full_mesh", 5, 0, 10),
        ("full_mesh_loops", 5, 0, 10),
        ("full_mesh_one_site", 5, 0, 10),
        ("ams_mil", 2, 0, 1),
        ("star_streaming", 8, 0, 7),
        ("openflow_ofx", 7, 6, 19),
        ("openflow_vsi", 7, 6, 19),
        ("bare_metal", 3, 0, 3),
        ("nested", 5, 2, 6),
        ("mesh_of_n", 5, 0, 10),
    ],
)
def test_what_is_in_it(name: str, hosts: int, switches: int, links: int) -> None:
    flat = flatten(gtsdsl.load(example(name)))
    assert (len(list(flat.hosts)), len(list(flat.switches)), len(list(flat.links))) == (hosts, switches, links)


def test_loops_come_to_what_is_spelt_out() -> None:
    assert gtsdsl.load(example("full_mesh_loops")) == gtsdsl.load(example("full_mesh"))


@pytest.mark.parametrize("n", [2, 7, 20])
def test_a_mesh_of_any_size(n: int) -> None:
    testbed = gtsdsl.load(example("mesh_of_n"), parameters={"n": n})
    assert len(list(testbed.hosts)) == n
    assert len(list(testbed.links)) == n * (n - 1) // 2
