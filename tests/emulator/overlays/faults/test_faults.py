"""What faults do to each overlay is what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulator.overlays.faults.bounds import bound, least_others, longest_mended_s, varies
from tests.emulator.overlays.faults.kinds import faults_of
from tests.emulator.overlays.faults.measure import measure
from tests.emulator.overlays.faults.model import PAGE, read_table
from tests.emulator.overlays.faults.page import made_page
from tests.emulator.overlays.subjects import SUBJECTS, Subject


@pytest.mark.timeout(600)
def test_an_overlay_bears_each_fault_as_written(tmp_path: Path, any_overlay: Subject) -> None:
    subject = any_overlay
    told = read_table()[subject.name]
    for fault, figures in measure(tmp_path, subject).items():
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
        assert (figures.mended_s or 0.0) <= longest_mended_s(subject), fault
        assert figures.back_s <= bound(subject, fault).most_s, fault


def test_the_page_is_made_from_the_figures() -> None:
    assert PAGE.read_text() == made_page()
