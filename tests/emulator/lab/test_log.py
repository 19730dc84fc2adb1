"""The log of the functions that run as daemons."""

from __future__ import annotations

import re

import pytest

from emulator.lab.log import log


def test_a_line_has_the_time_and_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    log("leased 10.244.1.0/24")
    printed = capsys.readouterr()
    assert re.fullmatch(r"\[\d+\.\d{3}\] leased 10\.244\.1\.0/24\n", printed.err)
    assert printed.out == ""


def test_lines_are_in_the_order_of_their_times(capsys: pytest.CaptureFixture[str]) -> None:
    for message in ("first", "second"):
        log(message)
    lines = [line.split() for line in capsys.readouterr().err.splitlines()]
    assert [message for _, message in lines] == ["first", "second"]
    assert float(lines[0][0].strip("[]")) <= float(lines[1][0].strip("[]"))
