"""The shell's ``overlay``: tables of hosts, and below each the view of the host's agent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from emulator.lab.containers import Container
from emulator.lab.daemons import DaemonError
from emulator.netlink.state import KernelState, Route
from emulator.overlays.deployment import Deployment
from emulator.overlays.model import Connection, OverlaySpec, Peer
from emulator.overlays.text import columns, overlay_lines

SPEC = OverlaySpec("weave", "fastdp", ("h1", "h2"), (Container("c1", "h1"),), "10.32.0.0/12", "process")


class Agents:
    """An overlay whose agents answer with what the test gives them."""

    agent = "built-in control plane"

    def __init__(self, view: tuple[str, ...] | DaemonError) -> None:
        self._view = view

    def peers(self, host: str) -> tuple[Peer, ...]:
        return (Peer("h2", "100.64.0.2", "10.40.0.0/13"),) if host == "h1" else ()

    def connections(self) -> tuple[Connection, ...]:
        return (Connection("h1", "h2", "sleeve", is_wanted=False),)

    def state(self, host: str) -> KernelState:
        return KernelState(routes=(Route("224.0.0.0/4", "weave"),) if host == "h1" else ())

    def view(self, _: str) -> tuple[str, ...]:
        if isinstance(self._view, DaemonError):
            raise self._view
        return self._view


def shown(view: tuple[str, ...] | DaemonError, *hosts: str) -> list[str]:
    deployment = SimpleNamespace(
        spec=SPEC, overlay=Agents(view), store_version=None, addresses={"c1": "10.32.0.1"}, ipv6_addresses={}
    )
    return list(overlay_lines(cast("Deployment", deployment), hosts))


def test_a_view_comes_below_the_table_of_its_host() -> None:
    assert shown(("<- 100.64.0.1  established", ""), "h1", "h2") == [
        "weave fastdp, built-in control plane",
        "",
        "h1           container   c1     10.32.0.1",
        "             peer        h2     10.40.0.0/13  at 100.64.0.2",
        "             connection  h2     sleeve",
        "             route       weave  224.0.0.0/4   on link",
        "",
        "             <- 100.64.0.1  established",
        "",
        "",
        "h2           connection  h1  sleeve",
        "",
        "             <- 100.64.0.1  established",
        "",
    ]


def test_without_a_view_nothing_comes_below() -> None:
    assert shown((), "h2") == ["weave fastdp, built-in control plane", "", "h2           connection  h1  sleeve"]


def test_the_error_of_a_dead_agent_is_its_view_on_one_short_line() -> None:
    *_, line = shown(DaemonError(f"nebula on h2 was ended by signal 9: {'x' * 500}\n"), "h2")
    assert line.startswith("             nebula on h2 was ended by signal 9: xxx")
    assert line.endswith("…")
    assert len(line) <= 120


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        ([], []),
        ([("tunnel", "h2", ""), ("host map", "h10", "at")], ["tunnel    h2", "host map  h10  at"]),
    ],
)
def test_columns_are_as_wide_as_their_widest_cell(rows: list[tuple[str, ...]], lines: list[str]) -> None:
    assert list(columns(rows)) == lines
