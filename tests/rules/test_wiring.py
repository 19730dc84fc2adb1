"""Adjacencies that lead nowhere or join the wrong things, and links without two ends."""

import pytest

from gtsdsl.model.testbed import Testbed
from tests.rules.build import PAIR, Item, bed, codes, findings, host, link, only, port, resource, vsi


def island(id: str = "s1", binding: str = "up, h.p") -> Testbed:
    """Return a nested testbed whose port ``up`` stands for a host's port."""
    return bed(host("h"), binding, id=id, ports=("up",))


def cable(id: str = "c") -> Testbed:
    """Return a nested testbed that is a link: its ports ``a`` and ``b`` stand for the link's ends."""
    return bed(link("l"), "a, l.src", "b, l.dst", id=id, ports=("a", "b"))


def ring(*switches: str) -> tuple[Item, ...]:
    """Switches in a ring; the port ``a`` of each goes to ``b`` of the next."""
    made: list[Item] = [vsi(id, "a", "b", "c") for id in switches]
    for number, (one, other) in enumerate(zip(switches, (*switches[1:], switches[0]), strict=True)):
        made += [link(f"l{number}"), f"{one}.a, l{number}.src", f"{other}.b, l{number}.dst"]
    return tuple(made)


@pytest.mark.parametrize(
    "items",
    [
        pytest.param(PAIR, id="a pair"),
        pytest.param((*PAIR[3:], *PAIR[:3]), id="adjacencies before the resources"),
        pytest.param((host("h1"), host("h2"), link("l"), "l.src, h1.p", "l.dst, h2.p"), id="the link first"),
        pytest.param((host("h1"), host("h2"), link("l", "a", "b"), "h1.p, l.a", "h2.p, l.b"), id="other names of ends"),
        pytest.param((host("h", *(f"p{i}" for i in range(28))),), id="28 ports, none used"),
        pytest.param(ring("s1", "s2", "s3"), id="a ring of switches"),
        pytest.param((island(), island("s2"), link("l"), "s1.up, l.src", "s2.up, l.dst"), id="two islands"),
        pytest.param((host("h1"), host("h2"), cable(), "h1.p, c.a", "h2.p, c.b"), id="a cable made as a type"),
        pytest.param((island(), host("h2"), cable(), "c.b, s1.up", "h2.p, c.a"), id="island and cable"),
        pytest.param((resource("firewall", "f", "in"), resource("tap", "t", "x"), "f.in, t.x"), id="unknown classes"),
    ],
)
def test_right_wiring(items: tuple[Item, ...]) -> None:
    assert [finding for finding in findings(bed(*items)) if finding.is_error] == []


def test_root_ports_may_stay_unbound_or_stand_for_anything() -> None:
    assert codes(bed(*PAIR, ports=("up",))) == []
    assert codes(bed(*PAIR, "up, h1.q", ports=("up",))) == []
    assert codes(bed(*PAIR, link("l2"), "h1.q, l2.src", "l2.dst, up", ports=("up",))) == []
    assert codes(bed(*PAIR, island(), link("l2"), "h1.q, l2.src", "s1.up, l2.dst", ports=("up",))) == []


# --- GTS022: references to nothing


@pytest.mark.parametrize(
    ("reference", "message", "hint"),
    [
        ("h1.x9", "host `h1` has no port `x9`", "its ports: `port14`, `port13`, `port12`, `port11`"),
        ("h1.port1l", "host `h1` has no port `port1l`", "did you mean `port11`?"),
        ("h1.PORT12", "host `h1` has no port `PORT12`", "did you mean `port12`?"),
        ("h0st.port11", "there is no resource `h0st`", "did you mean `host`?"),
        ("zzz.port11", "there is no resource `zzz`", None),
        ("host", "`host` is a resource, not a port", "name one of its ports, such as `host.p`"),
        ("bare", "`bare` is a resource, not a port", "it declares no ports"),
        ("bare.p", "host `bare` has no port `p`", "it declares no ports"),
        ("upp", "testbed `Bed` has no port `upp` of its own", "did you mean `up`?"),
        ("s1.upp", "testbed S1 `s1` has no port `upp`", "did you mean `up`?"),
        ("s1.h", "`h` inside `s1` is not visible here: only the ports that it exports are", "it exports `s1.up`"),
        ("s1.h.p", "`h` inside `s1` is not visible here: only the ports that it exports are", "it exports `s1.up`"),
        ("s1/h.p", "`h` inside `s1` is not visible here: only the ports that it exports are", "it exports `s1.up`"),
        (
            "s0.h.p",
            "`h` inside `s0` is not visible here: only the ports that it exports are",
            'export one: `port { id = "…" }` in S0',
        ),
    ],
)
def test_reference_to_nothing(reference: str, message: str, hint: str | None) -> None:
    testbed = bed(
        host("h1", "port14", "port13", "port12", "port11"),
        host("host", "p"),
        resource("host", "bare"),
        link("l"),
        island(),
        bed(host("h"), id="s0"),
        "host.p, l.src",
        f"{reference}, l.dst",
        ports=("up",),
    )
    finding = next(finding for finding in findings(testbed) if finding.code == "GTS022")
    assert (finding.message, finding.hint) == (message, hint)
    assert finding.place == testbed.adjacencies[-1].first_place


def test_both_ends_to_nothing_are_two_findings() -> None:
    assert codes(bed(host("h"), "a.p, b.p")) == ["GTS022", "GTS022"]


def test_a_wrong_end_of_a_link_is_not_also_a_missing_end() -> None:
    assert codes(bed(host("h1"), host("h2"), link("l"), "h1.p, l.scr", "h2.p, l.dst")) == ["GTS022"]


def test_references_inside_nested_testbeds_are_looked_at() -> None:
    assert codes(bed(island(binding="up, h.nothing"))) == ["GTS022"]


def test_the_same_mistake_in_a_type_used_twice_is_said_once() -> None:
    inner = island(binding="up, h.nothing")
    again = Testbed(inner.type, "s2", ports=inner.ports, resources=inner.resources, adjacencies=inner.adjacencies)
    assert codes(bed(inner, again)).count("GTS022") == 1


def test_hints_end_before_they_take_long() -> None:
    hosts = [host(f"host{i}", "p") for i in range(2_000)]
    found = findings(bed(*hosts, *(f"hots{i}.p, nothing.x" for i in range(2_000))))
    wrong = [finding for finding in found if finding.code == "GTS022"]
    assert len(wrong) == 4_000
    assert wrong[0].hint is not None
    assert wrong[-1].hint is None


# --- GTS023: a port used twice


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param((*PAIR, link("l2"), "h1.p, l2.src", "h2.q, l2.dst"), ["GTS023"], id="a host's port"),
        pytest.param((*PAIR, host("h3"), "h3.p, l.dst"), ["GTS023", "GTS024"], id="a link's end"),
        pytest.param((*PAIR, "h1.p, l.src"), ["GTS023"], id="the same adjacency again"),
        pytest.param((*PAIR, "l.src, h1.p"), ["GTS023"], id="the same adjacency turned round"),
        pytest.param((*PAIR, "h1.q, h1.q"), ["GTS023"], id="a port and itself"),
        pytest.param((host("h1"), host("h2"), link("l"), "h1.p, l.src", "h2.p, l.src"), ["GTS023"], id="src twice"),
        pytest.param(
            (*ring("s1", "s2", "s3"), link("x"), "s1.a, x.src", "s2.c, x.dst"), ["GTS023"], id="a switch's port"
        ),
        pytest.param((*PAIR, *(f"h1.p, l{i}.src" for i in range(3)), *(link(f"l{i}") for i in range(3))),
                     ["GTS023"] * 3 + ["GTS024"] * 3, id="four times"),
        pytest.param((island(binding="up, h.p"), host("h1"), link("l"), link("l2"), "s1.up, l.src", "h1.p, l.dst",
                      "s1.up, l2.src", "h1.q, l2.dst"), ["GTS023"], id="an exported port, outside"),
        pytest.param((*PAIR, "up, h1.q", "up, h2.q"), ["GTS022", "GTS022"], id="no such own port"),
    ],
)  # fmt: skip
def test_used_twice(items: tuple[Item, ...], expected: list[str]) -> None:
    assert [code for code in codes(bed(*items)) if code != "GTS040"] == expected


def test_used_twice_shows_both_places() -> None:
    testbed = bed(*PAIR, link("l2"), "l2.src, h1.p", "h2.q, l2.dst")
    finding = only(testbed)
    assert finding.message == "port `h1.p` is used by two adjacencies"
    assert finding.place == testbed.adjacencies[2].second_place
    assert finding.notes[0].place == testbed.adjacencies[0].place
    assert finding.hint == "port `h1.q` is free"


def test_a_free_control_port_is_not_offered() -> None:
    switch = vsi("s", "a", port("ctl", mode="CONTROL"), "b")
    testbed = bed(switch, *PAIR, link("x"), link("y"), "h1.q, x.src", "s.a, x.dst", "h2.q, y.src", "s.a, y.dst")
    assert only(testbed).hint == "port `s.b` is free"


def test_own_port_bound_twice() -> None:
    assert codes(bed(*PAIR, "up, h1.q", "up, h2.q", ports=("up",))) == ["GTS023"]


def test_the_six_switch_topology_that_wires_a_port_to_two_links() -> None:
    testbed = bed(
        *ring("ams", "lju", "prg", "bra", "cph", "ham"),
        host("h5", "eth1"),
        host("h6", "eth1"),
        *(link("l10"), "h5.eth1, l10.src", "cph.c, l10.dst"),
        *(link("l12"), "h6.eth1, l12.src", "cph.c, l12.dst"),
    )
    finding = only(testbed)
    assert (finding.code, finding.message) == ("GTS023", "port `cph.c` is used by two adjacencies")
    assert finding.place == testbed.adjacencies[-1].first_place
    assert finding.notes[0].place == testbed.adjacencies[-3].place


# --- GTS024, GTS042: links without two ends


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param((link("l"),), ["GTS042"], id="unused"),
        pytest.param((link("l"), link("l2")), ["GTS042", "GTS042"], id="two unused"),
        pytest.param((resource("link", "l"),), ["GTS024", "GTS042"], id="no ports, unused"),
        pytest.param((host("h"), link("l"), "h.p, l.src"), ["GTS024"], id="one wired end"),
        pytest.param((host("h"), link("l"), "h.p, l.dst"), ["GTS024"], id="one wired end, the other"),
        pytest.param((host("h"), link("l", "src"), "h.p, l.src"), ["GTS024"], id="one port"),
        pytest.param((host("h1"), host("h2"), link("l", "a", "b", "c"), "h1.p, l.a", "h2.p, l.b"), ["GTS024"],
                     id="three ports, two wired"),
        pytest.param((*PAIR[:2], host("h3"), link("l", "a", "b", "c"), "h1.p, l.a", "h2.p, l.b", "h3.p, l.c"),
                     ["GTS024"], id="three ports, three wired"),
        pytest.param((*PAIR[:2], host("h3"), link("l"), "h1.p, l.src", "h2.p, l.dst", "h3.p, l.third"),
                     ["GTS022", "GTS024"], id="a third end that is not there"),
        pytest.param((cable(),), ["GTS024", "GTS024"], id="a nested link that nothing uses"),
        pytest.param((cable(), host("h"), "h.p, c.a"), ["GTS024"], id="a nested link with one end used"),
        pytest.param((bed(cable(), "x, c.a", "y, c.b", id="t", ports=("x", "y")), host("h1"), host("h2"),
                      "h1.p, t.x", "h2.p, t.y"), [], id="a link two testbeds deep"),
        pytest.param((bed(cable(), "x, c.a", "y, c.b", id="t", ports=("x", "y")), host("h1"),
                      "h1.p, t.x"), ["GTS024"], id="a link two testbeds deep, with one end used"),
        pytest.param((bed(link("l"), id="s"),), ["GTS042"], id="unused inside a nested testbed"),
    ],
)  # fmt: skip
def test_ends_of_links(items: tuple[Item, ...], expected: list[str]) -> None:
    assert [code for code in codes(bed(*items)) if code != "GTS040"] == expected


@pytest.mark.parametrize(
    ("items", "message", "hint"),
    [
        ((host("h"), link("l"), "h.p, l.src"), "link `l` has one wired end; a link joins two ports",
         "join `l.dst` to a port"),
        ((host("h"), link("l", "a", "b", "c"), "h.p, l.a", "h.q, l.b"),
         "link `l` declares three ports; a link has two ends", 'write `port { id = "src" }; port { id = "dst" }`'),
        ((link("l"),), "link `l` is not used: no adjacency names it", "join its two ends to ports, or remove it"),
        ((cable(), host("h"), "h.p, c.b"),
         "link `c/l` has a loose end: it is port `c.a`, which no adjacency names", "join `c.a` to a port"),
    ],
)  # fmt: skip
def test_what_is_said_of_links(items: tuple[Item, ...], message: str, hint: str) -> None:
    assert (message, hint) in [(finding.message, finding.hint) for finding in findings(bed(*items))]


# --- GTS025, GTS026, GTS027: the wrong things joined


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param((host("h"), link("l"), "h.p, l.src", "h.q, l.dst"), ["GTS025"], id="both ends on a host"),
        pytest.param((host("h"), link("l"), "h.p, l.src", "h.p, l.dst"), ["GTS023", "GTS025"], id="on the same port"),
        pytest.param((vsi("s", "a", "b"), link("l"), "l.src, s.a", "l.dst, s.b"), ["GTS025"], id="on a switch"),
        pytest.param((host("h"), cable(), "h.p, c.a", "h.q, c.b"), ["GTS025"], id="through a nested link"),
        pytest.param((bed(host("h"), "a, h.p", "b, h.q", id="s", ports=("a", "b")), link("l"), "s.a, l.src",
                      "s.b, l.dst"), ["GTS025"], id="through a nested host"),
        pytest.param((bed(host("h1"), host("h2"), "a, h1.q", "b, h2.q", *PAIR[2:], id="s", ports=("a", "b")),
                      link("l"), "s.a, l.src", "s.b, l.dst"), [], id="two hosts of one nested testbed"),
        pytest.param((*PAIR, "h1.q, h2.q"), ["GTS026"], id="two hosts"),
        pytest.param((host("h"), vsi("s", "a"), "h.p, s.a"), ["GTS026"], id="host and switch"),
        pytest.param((resource("baremetalserver", "b", "p"), host("h"), "b.p, h.p"), ["GTS026"], id="server and host"),
        pytest.param((host("h"), "h.p, h.q"), ["GTS026"], id="a host and itself"),
        pytest.param((island(), host("h2"), "s1.up, h2.p"), ["GTS026"], id="an island's host and a host"),
        pytest.param((island(), island("s2"), "s1.up, s2.up"), ["GTS026"], id="two islands"),
        pytest.param((bed(*PAIR, "up, down", id="s", ports=("up", "down")),), ["GTS026"], id="two own ports"),
        pytest.param((*PAIR[:2], link("l1"), link("l2"), "h1.p, l1.src", "l1.dst, l2.src", "h2.p, l2.dst"),
                     ["GTS027"], id="two links"),
        pytest.param((link("l"), "l.src, l.dst"), ["GTS027"], id="a link and itself"),
        pytest.param((*PAIR[:2], link("l"), cable(), "h1.p, l.src", "l.dst, c.a", "c.b, h2.p"), ["GTS027"],
                     id="a link and a nested link"),
        pytest.param((*PAIR[:2], cable("c"), cable("d"), "h1.p, c.a", "c.b, d.a", "d.b, h2.p"), ["GTS027"],
                     id="two nested links"),
        pytest.param((bed(island("i"), "up, i.up", id="o", ports=("up",)), host("h2"), "o.up, h2.p"), ["GTS026"],
                     id="a host two testbeds deep"),
    ],
)  # fmt: skip
def test_wrong_joins(items: tuple[Item, ...], expected: list[str]) -> None:
    assert [code for code in codes(bed(*items)) if code != "GTS040"] == expected


def test_both_ends_on_one_host_shows_both_places() -> None:
    testbed = bed(host("h"), link("l"), "h.p, l.src", "h.q, l.dst")
    finding = only(testbed)
    assert finding.message == "both ends of link `l` are on host `h`"
    assert finding.place == testbed.adjacencies[1].place
    assert finding.notes[0].place == testbed.adjacencies[0].place


def test_what_an_exported_port_stands_for_is_said() -> None:
    assert "`s1.up` (which stands for a port of `s1/h`)" in only(bed(island(), vsi("s", "a"), "s1.up, s.a")).message


# --- GTS043: exported ports bound to nothing


def test_an_exported_port_that_is_used_must_be_bound() -> None:
    inner = bed(host("h"), id="s1", ports=("up",))
    testbed = bed(inner, host("h2"), link("l"), "s1.up, l.src", "h2.p, l.dst")
    finding = next(finding for finding in findings(testbed) if finding.code == "GTS043")
    assert finding.place == testbed.adjacencies[0].first_place
    assert finding.notes[0].place == inner.ports[0].place


def test_an_exported_port_that_is_not_used_may_be_unbound() -> None:
    assert codes(bed(bed(host("h"), id="s1", ports=("up",)))) == []


def test_an_unbound_port_is_said_where_it_is_unbound() -> None:
    middle = bed(bed(host("h"), id="i", ports=("up",)), "up, i.up", id="m", ports=("up",))
    testbed = bed(middle, host("h2"), link("l"), "m.up, l.src", "h2.p, l.dst")
    found = [finding for finding in findings(testbed) if finding.code == "GTS043"]
    assert [finding.place for finding in found] == [middle.adjacencies[0].second_place]


def test_a_port_bound_to_nothing_is_said_inside_only() -> None:
    testbed = bed(island(binding="up, h.typo"), host("h2"), link("l"), "s1.up, l.src", "h2.p, l.dst")
    assert codes(testbed) == ["GTS022"]
