"""Each target writes a text of any testbed that its reader takes, or says in a sentence what is wrong."""

from __future__ import annotations

import ast
import json
import re
import warnings
from decimal import Decimal

import networkx as nx
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gtsdsl.graph import from_graph, to_graph
from gtsdsl.model.testbed import Testbed, flatten
from gtsdsl.targets import compile_to
from tests.strategies import valid_testbeds

_SLOW = settings(max_examples=60)


@pytest.mark.slow("writes hundreds of random testbeds")
@_SLOW
@given(valid_testbeds())
def test_node_link_is_the_testbed(testbed: Testbed) -> None:
    document = json.loads(compile_to(testbed, "node-link"), parse_float=Decimal)
    assert from_graph(nx.node_link_graph(document, edges="edges")) == flatten(testbed)


@pytest.mark.slow("writes hundreds of random testbeds")
@_SLOW
@given(valid_testbeds())
def test_graphml_is_read_with_every_node_and_edge(testbed: Testbed) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        graph = nx.parse_graphml(compile_to(testbed, "graphml"), edge_key_type=str, force_multigraph=True)
    expected = to_graph(testbed)
    assert (len(graph), graph.number_of_edges()) == (len(expected), expected.number_of_edges())


@pytest.mark.slow("writes hundreds of random testbeds")
@pytest.mark.parametrize("target", ["dot", "containerlab", "mininet"])
@_SLOW
@given(testbed=st.deferred(valid_testbeds))
def test_a_text_or_a_sentence(target: str, testbed: Testbed) -> None:
    try:
        text = compile_to(testbed, target)
    except ValueError as error:
        assert re.fullmatch(r"(link|switch) `.*", str(error))  # noqa: PT017 (either outcome is right)
        return
    if target == "containerlab":
        assert len(yaml.safe_load(text)["topology"]["nodes"]) == len(to_graph(testbed))
    elif target == "mininet":
        ast.parse(text)
    assert text.endswith("\n")
