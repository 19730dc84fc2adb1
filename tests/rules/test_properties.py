"""Properties of the rules for all testbeds: right ones get no finding, and none crashes a rule."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from gtsdsl.model.testbed import Adjacency, Port, PortRef, Resource, Testbed
from tests.rules.build import codes, findings
from tests.strategies import ATTRIBUTES, IDS, TEXTS, VALUES, valid_testbeds

WIRING = {f"GTS{number:03}" for number in (20, 21, 22, 23, 24, 25, 26, 27, 42, 43)}
FEW_IDS = st.one_of(st.sampled_from(["", "a", "b", "l", "s", "up"]), IDS)
CLASSES = st.one_of(st.sampled_from(["host", "link", "vsi", "ofx", "baremetalserver"]), TEXTS)
PORTS = st.lists(st.builds(Port, FEW_IDS, ATTRIBUTES), max_size=2).map(tuple)
RESOURCES = st.builds(Resource, CLASSES, FEW_IDS, st.one_of(st.none(), TEXTS), ATTRIBUTES, PORTS)
REFERENCES = st.builds(PortRef, FEW_IDS, FEW_IDS)
ADJACENCIES = st.lists(st.builds(Adjacency, REFERENCES, REFERENCES), max_size=4).map(tuple)


def _testbeds(items: st.SearchStrategy[Resource | Testbed]) -> st.SearchStrategy[Testbed]:
    return st.builds(
        Testbed,
        type=IDS,
        id=FEW_IDS,
        parameters=st.dictionaries(IDS, VALUES, max_size=2),
        attributes=ATTRIBUTES,
        ports=PORTS,
        resources=st.lists(items, max_size=3).map(tuple),
        adjacencies=ADJACENCIES,
    )


ANY_TESTBED = _testbeds(st.recursive(RESOURCES, _testbeds, max_leaves=4))


@given(valid_testbeds())
@settings(max_examples=25)
def test_nothing_is_wrong_with_the_wiring_of_a_right_testbed(testbed: Testbed) -> None:
    assert WIRING.isdisjoint(codes(testbed))


@given(valid_testbeds(), st.data())
@settings(max_examples=25)
def test_an_adjacency_less_is_seen(testbed: Testbed, data: st.DataObject) -> None:
    links = {link.id for link in testbed.links}
    wired = [each for each in testbed.adjacencies if links & {each.first.resource, each.second.resource}]
    if wired:
        gone = data.draw(st.sampled_from(wired))
        rest = tuple(each for each in testbed.adjacencies if each is not gone)
        assert "GTS024" in codes(replace(testbed, adjacencies=rest))


@given(valid_testbeds(), st.data())
@settings(max_examples=25)
def test_an_adjacency_more_is_seen(testbed: Testbed, data: st.DataObject) -> None:
    if testbed.adjacencies:
        again = data.draw(st.sampled_from(testbed.adjacencies))
        assert "GTS023" in codes(replace(testbed, adjacencies=(*testbed.adjacencies, again)))


@given(ANY_TESTBED)
@settings(max_examples=25)
def test_no_testbed_brings_the_rules_down(testbed: Testbed) -> None:
    for finding in findings(testbed):
        assert finding.message.isprintable()
        assert finding.hint is None or finding.hint.isprintable()
        assert len(finding.message) < 2_000
