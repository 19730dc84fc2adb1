"""The comparison of two benchmarks: what differs by more than its spread, and what does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from emulator.bench.change import bootstrap, change
from emulator.bench.diff import compare
from emulator.bench.results import Results, Variant
from emulator.bench.store import ResultStore
from gtsdsl.cli import cli
from gtsdsl.cli.bench.text import markdown
from tests.emulator.bench.samples import result, results_of


def results(*means_us: float | None, overlay: str = "none") -> Results:
    """Return a benchmark with one cell, repeated."""
    return results_of(*(result(overlay, mean, repetition=number) for number, mean in enumerate(means_us, 1)))


def test_equal_benchmarks_do_not_differ() -> None:
    comparison = compare(results(5.0, 6.0), results(5.0, 6.0))
    assert (comparison.differences, comparison.compared) == ((), 1)


def test_cells_with_other_processors_are_not_mixed() -> None:
    """Each number of processors is a place of its own, in a comparison and in the tables."""
    cells = [replace(result("none", mean_us), variant=Variant(cpus)) for cpus, mean_us in (("1", 5.0), ("0.5", 9.0))]
    comparison = compare(results_of(*cells), results_of(cells[0], replace(cells[1], variant=Variant("0.25"))))
    assert (comparison.differences, comparison.compared) == ((), 1)
    assert comparison.only_before == (("none", "AMS-MIL, cpus 0.5", "latency", "containers"),)
    assert comparison.only_after == (("none", "AMS-MIL, cpus 0.25", "latency", "containers"),)
    lines = markdown(cells).splitlines()
    assert [line for line in lines if "AMS-MIL" in line] == [
        "| AMS-MIL, cpus 1 | none | containers | 5 |",
        "| AMS-MIL, cpus 0.5 | none | containers | 9 |",
    ]


def test_means_within_the_spread_do_not_differ() -> None:
    assert compare(results(1.0, 9.0, 5.0, 4.0), results(2.0, 9.0, 5.0, 4.0)).differences == ()


def test_means_beyond_the_spread_differ_with_their_interval() -> None:
    (found,) = compare(results(10.0, 10.2, 9.8), results(12.0, 12.2, 11.8)).differences
    assert (found.change.before, found.change.after) == (10.0, 12.0)
    assert found.change.percent == pytest.approx(20)
    assert found.change.interval is not None
    assert 1.5 < found.change.interval[0] < 2 < found.change.interval[1] < 2.5
    assert found.change.effect == pytest.approx(10)
    assert found.is_beyond(19.9)
    assert not found.is_beyond(20.1)


def test_one_repetition_is_exact_in_the_virtual_clock_beyond_what_is_resolved() -> None:
    (found,) = compare(results(10.0), results(11.001)).differences
    assert (found.change.interval, found.change.kind) == (None, "exact")
    comparison = compare(results(10.0), results(10.256))
    assert (comparison.differences, comparison.compared) == ((), 1)


def test_repetitions_without_spread_have_no_interval_and_no_effect() -> None:
    (found,) = compare(results(10.0, 10.0), results(12.0, 12.0)).differences
    assert (found.change.interval, found.change.effect, found.change.kind) == (None, None, "exact")


def test_one_repetition_beside_several_that_vary_is_no_proof() -> None:
    assert change([10.0], [12.0, 12.0], "us", "virtual").kind == "exact"
    assert change([10.0], [12.0, 13.0], "us", "virtual").kind == "unknown"


def test_one_repetition_of_the_real_clock_is_shown_without_a_verdict() -> None:
    assert change([10.0], [10.1], "us", "real").kind == "unknown"


def test_topologies_are_not_taken_for_repetitions() -> None:
    two = results_of(result("none", 1.0), replace(result("none", 9.0), testbed="Star"))
    assert compare(two, two).compared == 2
    comparison = compare(two, results(1.0))
    assert comparison.only_before == (("none", "Star AMS-MIL", "latency", "containers"),)
    assert (comparison.compared, comparison.differences) == (1, ())


def test_a_failed_cell_is_missing_on_its_side() -> None:
    comparison = compare(results(1.0), results(None))
    assert comparison.only_before == (("none", "AMS-MIL", "latency", "containers"),)
    assert comparison.compared == 0
    assert compare(results(None), results(1.0)).only_after == comparison.only_before


def test_a_value_of_zero_has_no_percentage() -> None:
    (found,) = compare(results(0.0), results(2.0)).differences
    assert found.change.percent is None
    assert found.is_beyond(1000)


def test_the_bootstrap_is_the_same_each_time_and_holds_the_difference() -> None:
    first, second = [1.0, 2.0, 3.0], [4.0, 5.0, 6.0]
    low, high = bootstrap(first, second)
    assert (low, high) == bootstrap(first, second)
    assert low <= 3 <= high


@pytest.mark.parametrize(
    ("arguments", "status"),
    [([], 0), (["--fail-on", "1"], 0), (["--fail-on", "0.1"], 1)],
    ids=["shown", "within", "beyond"],
)
def test_the_command_shows_the_differences_and_fails_on_request(
    tmp_path: Path, arguments: list[str], status: int
) -> None:
    for name, mean_us in (("before", 36200.0), ("after", 36300.0)):
        ResultStore(tmp_path / name, pytest.fail).put_all(results(mean_us))
    done = CliRunner().invoke(cli, ["bench", "diff", str(tmp_path / "before"), str(tmp_path / "after"), *arguments])
    assert done.exit_code == status
    lines = done.output.splitlines()
    assert lines[1].split() == (
        "AMS-MIL none containers latency rtt.mean, us 36200 36300 +0.276 % one repetition, virtual clock".split()
    )
    assert lines[-1] == "1 of 1 figures differ by more than their spread"


def test_benchmarks_without_a_figure_in_common_are_not_equal(tmp_path: Path) -> None:
    for name in "none", "flannel:vxlan":
        ResultStore(tmp_path / name, pytest.fail).put_all(results(36200.0, overlay=name))
    done = CliRunner().invoke(cli, ["bench", "diff", str(tmp_path / "none"), str(tmp_path / "flannel:vxlan")])
    assert done.exit_code == 1
    assert "only before: none AMS-MIL latency containers\n" in done.output
    assert "error: the two benchmarks have no figure in common" in done.output


def test_a_limit_that_is_not_a_number_is_refused(tmp_path: Path) -> None:
    ResultStore(tmp_path, pytest.fail).put_all(results(36200.0))
    done = CliRunner().invoke(cli, ["bench", "diff", str(tmp_path), str(tmp_path), "--fail-on", "nan"])
    assert done.exit_code == 2
    assert "error: --fail-on: nan is not a number" in done.output
