"""The effects of faults on each overlay are those that the page says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.emulator.overlays.faults.bounds import bound, least_others, longest_mended_s, varies
from tests.emulator.overlays.faults.kinds import faults_of
from tests.emulator.overlays.faults.measure import measure
from tests.emulator.overlays.faults.model import PAGE, Fault, Figures, read_table
from tests.emulator.overlays.faults.page import made_page
from tests.emulator.overlays.subjects import SUBJECTS, Subject


def test_an_overlay_bears_each_fault_as_written(tmp_path: Path, any_overlay: Subject) -> None:
    compare(any_overlay, measure(tmp_path, any_overlay))


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize(
    "subject",
    [Subject("flannel", "vxlan"), Subject("calico", "bgp"), Subject("calico", "rr"), Subject("geneve", "mesh")],
    ids=str,
)
def test_containers_bear_each_fault_by_ipv6_as_by_ipv4(tmp_path: Path, subject: Subject) -> None:
    compare(subject, measure(tmp_path, subject, family=6))


def compare(subject: Subject, measured: Mapping[Fault, Figures]) -> None:
    """Check figures against those of the page."""
    told = read_table()[subject.name]
    assert tuple(measured) == tuple(told)
    for fault, figures in measured.items():
        page = told[fault]
        assert figures.others[1] == page.others[1], fault
        assert figures.others[0] >= least_others(subject, fault, page.others[1]), fault
        assert figures.affected[1] == page.affected[1], fault
        if not varies(subject, fault):
            assert figures.affected == page.affected, fault
            assert (figures.mended_s is None) == (page.mended_s is None), fault
            assert figures.detour_ms == page.detour_ms, fault
            assert (figures.mended_s or 0.0) <= longest_mended_s(subject), fault
        assert figures.back_s <= bound(subject, fault).most_s, fault


@pytest.mark.parametrize("subject", SUBJECTS, ids=str)
def test_the_page_has_a_figure_within_its_bound_for_each_fault(subject: Subject) -> None:
    told = read_table()[subject.name]
    assert tuple(told) == faults_of(subject)
    for fault, figures in told.items():
        assert figures.others[0] == figures.others[1], fault
        assert varies(subject, fault) or (figures.mended_s or 0.0) <= longest_mended_s(subject), fault
        assert figures.back_s <= bound(subject, fault).most_s, fault


def test_the_page_is_made_from_the_figures() -> None:
    assert PAGE.read_text() == made_page()
