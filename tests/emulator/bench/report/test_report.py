"""The report: what its first screen answers, what its sections have, and what strangers' results cannot do."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal

import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt

from emulator.bench.report import build
from emulator.bench.report.build import files_of, report_of
from emulator.bench.report.model import Bullets, Code, LinePlot, Paragraph, Section, Table
from emulator.bench.results import Results
from emulator.bench.store import ResultStore
from emulator.workloads.model import Figure, Series, WorkloadResult
from gtsdsl.cli import cli
from gtsdsl.cli.bench.report import write_report
from gtsdsl.scenario.outcome import Happening
from tests.emulator.bench.report.samples import cell, latency, mesh, throughput, whole
from tests.emulator.bench.samples import result, results_of


def section(results: Results, anchor: str) -> Section:
    return next(item for item in report_of(results).sections if item.anchor == anchor)


def sentences(part: Section) -> str:
    """Return all sentences of a section."""
    texts = []
    for block in part.blocks:
        items = [block.parts] if isinstance(block, Paragraph) else block.items if isinstance(block, Bullets) else []
        texts += ["".join(it.text if isinstance(it, Code) else it for it in parts) for parts in items]
    return "\n".join(texts)


def tables(part: Section) -> list[Table]:
    return [block for block in part.blocks if isinstance(block, Table)]


@cache
def files(name: Literal["whole", "hostile"]) -> dict[str, bytes]:
    """Return the files of a report."""
    return dict(files_of(report_of(whole() if name == "whole" else hostile())))


def repeated(overlay: str, *shifts_us: float) -> Results:
    """Return a benchmark of ``none`` and an overlay, whose repetitions are shifted."""
    cells = [
        cell(name, "AMS-MIL", "latency", latency(name, "AMS-MIL", shift_us=shift_us), number)
        for name in ("none", overlay)
        for number, shift_us in enumerate(shifts_us, 1)
    ]
    return results_of(*cells)


def test_the_first_screen_says_which_overlay_by_how_much_and_how_sure() -> None:
    first = report_of(whole()).sections[0]
    assert first.title == "Which overlay?"
    said = sentences(first)
    assert "The mean round trip beside none (3 circuits): weave:fastdp +1.3 µs" in said
    assert "How sure? Each figure is one repetition in the virtual clock" in said
    assert "1 of 27 cells failed" in said
    assert {row[0]: row[1] for row in tables(first)[0].rows}["flannel:vxlan"] == "+1.5 µs"


def test_a_difference_within_the_spread_gets_no_verdict() -> None:
    results = repeated("weave:fastdp", -30.0, 10.0, 25.0, -8.0, 3.0)
    assert "weave:fastdp is like none" in sentences(section(results, "answer"))
    texts = tables(section(results, "differences"))
    assert [table.caption[:24] for table in texts] == ["What does not differ, or"]
    row = next(row for row in texts[0].rows if "rtt.mean" in row[2])
    assert row[-1] == "within the spread"


def test_a_difference_beyond_the_spread_has_an_interval_and_an_effect() -> None:
    (table, *_) = tables(section(repeated("flannel:vxlan", 0.0, 0.1, -0.1, 0.2, -0.2), "differences"))
    row = next(row for row in table.rows if "rtt.mean" in row[2])
    low, _, high = row[7].partition(" to ")
    assert 1.2 < float(low) < 1.5 < float(high) < 1.8
    assert float(row[8]) > 5
    assert row[-1] == "beyond the spread"


def test_equal_repetitions_in_the_virtual_clock_have_no_interval_and_the_report_says_so() -> None:
    results = repeated("flannel:vxlan", 0.0, 0.0, 0.0)
    assert "In 1 of 1 comparisons all repetitions gave the same value" in sentences(section(results, "answer"))
    (table, *_) = tables(section(results, "differences"))
    assert table.rows[0][7:] == ("–", "–", "all repetitions are the same")


def test_one_repetition_in_the_real_clock_gets_no_verdict() -> None:
    results = repeated("flannel:vxlan", 0.0)
    real = tuple(
        replace(it, environment=replace(it.environment, clock="real")) for it in results.cells if it.environment
    )
    said = sentences(section(replace(results, cells=real), "answer"))
    assert "no verdict about flannel:vxlan" in said
    assert "How sure? Not at all" in said


def test_a_difference_that_the_clock_does_not_resolve_does_not_count() -> None:
    cells = [cell("none", "AMS-MIL", "latency", latency("none", "AMS-MIL", shift_us=it)) for it in (0.0, 0.9)]
    results = results_of(cells[0], replace(cells[1], overlay="geneve:mesh"))
    assert "geneve:mesh is like none" in sentences(section(results, "answer"))


def test_the_studys_table_has_its_figures_ours_and_the_difference() -> None:
    study = section(whole(), "study")
    rows = {row[:2]: row[2:] for row in tables(study)[0].rows}
    assert rows["AMS–MIL", "study"][3:] == ("36.2", "36.5", "37.0", "42.5", "42.9", "43.0")
    assert rows["AMS–MIL", "here, netperf"][:6] == ("–", "–", "–", "36.20", "36.20", "36.99")
    assert rows["AMS–MIL", "here, samples"][5] == "36.20"
    assert rows["AMS–MIL", "difference"][3:] == ("+0.0 %", "−0.8 %", "−0.0 %", "−14.8 %", "−15.6 %", "−14.0 %")
    said = sentences(study)
    assert "17 of the study's 18 p99 are whole milliseconds" in said
    assert "--overlays libnetwork:kv" in said


def test_a_pair_in_a_network_of_its_own_comes_before_the_same_pair_in_a_mesh_in_the_studys_table() -> None:
    alone, amid = (
        cell("weave:fastdp", "AMS-MIL", "latency", latency("weave:fastdp", "AMS-MIL", shift_us=shift_us))
        for shift_us in (0.0, 5000.0)
    )
    alone = replace(alone, network="pair")
    for cells in ((alone, amid), (amid, alone)):
        rows = {row[:2]: row[2:] for row in tables(section(results_of(*cells), "study"))[0].rows}
        assert rows["AMS–MIL", "here, samples"][4] == "36.20"


def test_the_studys_table_says_that_overlays_had_its_delays() -> None:
    as_measured = replace(whole(), command=("bench", "run", "--like=seed-2016", "--as-measured"))
    assert "differences between overlays are the study's" in sentences(section(as_measured, "study"))
    assert "the paths differ, not the overlays" in sentences(section(whole(), "study"))


def test_without_netperf_the_studys_p99_is_not_compared() -> None:
    study = section(whole(netperf=False), "study")
    rows = {row[:2]: row[2:] for row in tables(study)[0].rows}
    assert rows["AMS–MIL", "difference"][5] == "–"
    assert "netperf did not measure here" in sentences(study)


def test_the_first_sample_of_tcp_rr_is_explained_with_its_figure() -> None:
    said = sentences(section(whole(), "latency"))
    assert "TCP_RR's first sample has the connection in it" in said
    assert "which is 2 times the minimum" in said


def test_sections_without_data_are_missing_and_other_workloads_lose_nothing() -> None:
    assert [it.anchor for it in report_of(whole()).sections] == [
        "answer", "study", "differences", "latency", "throughput", "study-throughput", "streaming", "convergence",
        "store", "encapsulation", "other-6-command", "map", "ran", "clock", "repeat",
    ]  # fmt: skip
    (table,) = tables(section(whole(), "other-6-command"))
    assert table.rows == (("AMS-MIL", "requests", "1/s", "1,234.5", "1,234.5", "1,234.5"),)
    alone = report_of(results_of(result("none", None)))
    assert [it.anchor for it in alone.sections] == ["answer", "ran", "clock", "repeat"]


def test_what_ran_names_versions_and_failed_cells() -> None:
    ran = section(whole(), "ran")
    facts = {row[0]: row[1] for row in tables(ran)[0].rows}
    assert facts["gtsdsl"] == "0.2.0, commit 0123456789ab"
    assert facts["machine"] == "Example CPU 3000, 2 processors, 8 GiB of memory"
    assert (facts["kernel"], facts["clock"]) == ("7.3.4", "virtual")
    assert "iperf 2.1.8" in facts["tools"]
    assert tables(ran)[-1].rows[0][-1] == "timed out after 5 s: starting the store"


class Page(HTMLParser):
    """A page's tags, in order, with their attributes and the text in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'`|[a](javascript:b)\x00\x1b\u202e\ud800"


def hostile() -> Results:
    """Return results in which each text tries to break out."""
    measured = WorkloadResult(
        {HOSTILE: HOSTILE},
        (
            Figure("rtt.mean", 1.0, HOSTILE),
            Figure(HOSTILE, 1e308, HOSTILE),
            Figure("clients.9.bitrate", -1e308, HOSTILE),
        ),
        (Series("rtt", HOSTILE, (1e308, -1e308), 1.0), Series("tcp.received", HOSTILE, (0.0, 1e-300), 1e-300)),
        (HOSTILE,),
    )
    figures = replace(measured, figures=(*measured.figures, Figure("tcp.received", 1e300, HOSTILE)))
    cells = [
        replace(
            result(overlay), testbed=HOSTILE, overlay=overlay, circuit=circuit, workload=workload, level=HOSTILE,
            measured=figures,
        )
        for overlay in ("none", HOSTILE)
        for circuit in (HOSTILE, "../../etc/passwd")
        for workload in ("latency", "throughput", "streaming", "convergence", "store", "encapsulation", HOSTILE)
    ]  # fmt: skip
    cells.append(replace(result(HOSTILE, None), error=HOSTILE))
    found = results_of(*cells, topology=replace(mesh(), testbed=HOSTILE, gts_json="{" * 100))
    return replace(found, command=("bench", HOSTILE))


def test_texts_of_strangers_stay_texts_in_the_page() -> None:
    page = Page(files("hostile")["index.html"].decode())
    assert len(page.all("script")) == 1
    assert not page.all("img")
    assert all(not name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert [it["href"][:1] for it in page.all("a")] == ["#"] * len(page.all("a"))
    assert "<img src=x onerror=alert(1)>" in page.text
    assert not re.search("[\x00\x1b\u202e\ud800]", page.text)


def test_texts_of_strangers_stay_texts_in_markdown() -> None:
    text = files("hostile")["report.md"].decode()
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    kinds = {child.type for token in tokens for child in (token, *(token.children or ()))}
    assert "table_open" in kinds
    assert kinds & {"html_block", "html_inline", "link_open"} == set()


def test_names_of_strangers_leave_the_folder_of_plots_by_no_file() -> None:
    names = [name for name, _ in files_of(report_of(hostile()))]
    assert len(names) == len(set(names)) > 10
    assert all(re.fullmatch(r"plots/[a-z0-9-]+\.(svg|pdf|png)|report\.md|index\.html", name) for name in names)


def test_the_page_lets_nothing_in_from_elsewhere_and_names_all_its_parts() -> None:
    page = Page(files("whole")["index.html"].decode())
    policy = next(it["content"] for it in page.all("meta") if it.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    for name in ("src", "srcset", "xlink:href"):
        assert not [attributes for _, attributes in page.tags if name in attributes]
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {it["href"][1:] for it in page.all("a")} <= set(ids)
    assert all(it["role"] == "img" and len(it["aria-label"]) > 20 for it in page.all("svg"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(it["scope"] in {"col", "row", "colgroup"} for it in page.all("th"))


def test_headings_are_in_order_and_landmarks_are_there() -> None:
    page = Page(files("whole")["index.html"].decode())
    tags = [name for name, _ in page.tags]
    assert tags.count("h1") == tags.count("main") == tags.count("nav") == tags.count("header") == 1
    assert next(name for name in tags if re.fullmatch("h[1-6]", name)) == "h1"
    assert {name for name in tags if re.fullmatch("h[1-6]", name)} == {"h1", "h2"}


def test_each_plot_is_a_file_for_a_paper_and_the_same_in_the_page() -> None:
    found = files("whole")
    stems = {name.removesuffix(".svg") for name in found if name.endswith(".svg") and "map-" not in name}
    assert {"plots/round-trip-added", "plots/tcp-received-by-circuit", "plots/convergence-start"} < stems
    for stem in stems:
        assert found[f"{stem}.pdf"].startswith(b"%PDF")
        assert found[f"{stem}.png"].startswith(b"\x89PNG")
    page = Page(found["index.html"].decode())
    assert len(page.all("svg")) == len(stems) + 1
    assert (
        len(re.findall(r"^!\[.*\]\(plots/[a-z0-9-]+\.svg\)$", found["report.md"].decode(), re.MULTILINE))
        == len(stems) + 1
    )


def test_without_altair_the_report_has_its_tables_and_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "find_spec", lambda _: None)
    found = dict(files_of(report_of(whole())))
    assert [name for name in found if not name.startswith("plots/map")] == ["report.md", "index.html"]
    said = "There are no plots, because the Python package altair is missing: pip install 'gtsdsl[bench]'"
    assert said in Page(found["index.html"].decode()).text
    assert Page(found["index.html"].decode()).all("table")


def test_the_same_results_give_the_same_page() -> None:
    again = dict(files_of(report_of(whole())))
    for name, content in files("whole").items():
        assert name.endswith(".pdf") or again[name] == content, name


def test_the_command_writes_the_report_of_kept_results(tmp_path: Path) -> None:
    ResultStore(tmp_path, pytest.fail).put_all(results_of(result()))
    done = CliRunner().invoke(cli, ["bench", "report", str(tmp_path)])
    assert (done.exit_code, done.output) == (0, f"the report: {tmp_path / 'index.html'}\n")
    assert (tmp_path / "report.md").read_text().startswith("# Overlays on Mesh\n")


def test_a_page_stays_until_its_results_change_and_is_written_anew_on_request(tmp_path: Path) -> None:
    first = results_of(result())
    page = Path(write_report(first, tmp_path, anew=False))
    page.write_text(page.read_text() + "<!-- mine -->")
    later = replace(first, origin=replace(first.origin, started="2027-01-01T00:00:00Z"))
    write_report(later, tmp_path, anew=False)
    assert "<!-- mine -->" in page.read_text()
    write_report(results_of(result(), result("geneve:mesh")), tmp_path, anew=False)
    assert "<!-- mine -->" not in page.read_text()
    page.write_text(page.read_text() + "<!-- mine -->")
    write_report(results_of(result(), result("geneve:mesh")), tmp_path, anew=True)
    assert "<!-- mine -->" not in page.read_text()


def test_the_events_of_a_scenario_are_lines_in_plots_over_time_and_a_table_for_all_others() -> None:
    """In the time of the series, which began 0.6 s after the scenario."""
    events = (
        Happening(500_000_000, 500_000_512, "too early"),
        Happening(10**9, 10**9 + 512, "cut l1<script>"),
        Happening(2 * 10**9, None, "restore l1"),
    )
    measured = throughput("none")
    series = tuple(replace(it, began_s=0.6) for it in measured.series)
    stormy = replace(cell("none", "AMS-MIL", "throughput", replace(measured, series=series)), scenario=events)
    report = report_of(results_of(stormy))
    blocks = [block for part in report.sections for block in part.blocks]
    (course,) = (it for it in blocks if isinstance(it, LinePlot) and it.x.title == "time, s")
    assert [(round(mark.x, 3), mark.label) for mark in course.marks] == [(0.4, "cut l1<script>")]
    assert "0.4 s cut l1<script>" in course.about
    found = dict(files_of(report))
    assert b"cut l1&lt;script&gt;" in found[f"plots/{course.name}.svg"]
    assert "Events of the scenario" in Page(found["index.html"].decode()).text
    (table,) = (it for it in tables(section(results_of(stormy), "ran")) if it.caption.startswith("Events"))
    assert [row[:2] + row[3:] for row in table.rows] == [
        ("0.5 s", "too early", "1", "1", "0"),
        ("1 s", "cut l1<script>", "1", "1", "0"),
        ("2 s", "restore l1", "1", "0", "0"),
    ]
