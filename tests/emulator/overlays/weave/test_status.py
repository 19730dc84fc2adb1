"""A router's status, in the lines of `weave status`."""

from __future__ import annotations

from emulator.overlays.weave.status import RELAYED, UNREACHABLE, lines, status_of
from tests.emulator.overlays.weave.manual import Mesh


def test_connections_peers_addresses_and_names_are_shown() -> None:
    mesh = Mesh(3)
    mesh.loop.advance(3)
    mesh.allocators[0].allocate("c1", lambda _: mesh.names[0].add("c1", "10.244.0.1"))
    mesh.loop.advance(1)
    mesh.cut(0, 2)
    mesh.loop.advance(3)
    status = status_of(mesh.routers[0], mesh.allocators[0], mesh.names[0], is_encrypted=True)
    shown = list(lines(status))
    mesh.close()
    methods = {peer.nickname: peer.method for peer in status.peers}
    assert methods == {"h1": UNREACHABLE, "h2": "memory", "h3": RELAYED}
    assert status.active == 1
    (connection,) = [line for line in shown if line.startswith(("->", "<-")) and "established" in line]
    assert connection.split()[2:] == ["established", "encrypted", "memory", "02:00:00:00:00:02(h2)", "mtu=1500"]
    assert "02:00:00:00:00:03(h3)" in shown
    assert any(line.startswith("   ->") and line.endswith("established") for line in shown)
    shares = [line for line in shown if "IPs" in line]
    assert shares[0].startswith("02:00:00:00:00:01(h1)")
    assert shares[0].endswith("(1 active)")
    assert sum(int(line.split()[1]) for line in shares) == 256
    assert shown[-1].split() == ["c1", "10.244.0.1", "c1", "02:00:00:00:00:01"]


def test_addresses_of_a_host_that_is_gone_are_marked_and_failed_attempts_are_shown() -> None:
    mesh = Mesh(2)
    mesh.loop.advance(3)
    mesh.allocators[0].allocate("c1", lambda _: None)
    mesh.loop.advance(1)
    mesh.cut(0, 1)
    mesh.routers[1].maker._told = (f"{mesh.network}.9:6783",)
    mesh.routers[1].maker._connect = mesh.routers[1]._connect
    mesh.routers[1].maker.refresh()
    mesh.loop.advance(0.5)
    shown = list(lines(status_of(mesh.routers[1], mesh.allocators[1], mesh.names[1], is_encrypted=False)))
    mesh.close()
    assert [line.endswith("- unreachable!") for line in shown if "IPs" in line] == [False, True]
    (attempt,) = [line for line in shown if line.startswith("->")]
    assert attempt.split()[1:] == [f"{mesh.network}.9:6783", "retrying", "Connection", "refused"]
