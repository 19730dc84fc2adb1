"""The attributes of netem, in one stage and in two."""

from __future__ import annotations

import contextlib
import errno
import struct
from dataclasses import replace

import pytest

from emulator.lab.underlay import require_netem
from emulator.netlink import qdiscs
from emulator.netlink.connection import NetlinkError
from emulator.netlink.messages import attributes
from emulator.system.errors import EmulationError
from gtsdsl.model.distribution import Distribution
from gtsdsl.model.jitter import TABLE_SIZE
from gtsdsl.model.losses import NO_LOSS, Bursts, Loss
from gtsdsl.model.shares import Reorder, Share
from tests.emulator.netlink.pairs import Pair

pytestmark = pytest.mark.networks


def test_netem_is_set_or_said_to_be_missing(pair: Pair) -> None:
    netem = qdiscs.Netem(18_250_000, 0, NO_LOSS, 10**9, 4526, 1)
    with contextlib.suppress(EmulationError):
        require_netem()
        pair.netlink[0].send(qdiscs.set_netem(7, "left", netem))
        return
    with pytest.raises(NetlinkError, match=r"^left, netem: the kernel refuses: No such file") as caught:
        pair.netlink[0].send(qdiscs.set_netem(7, "left", netem))
    assert caught.value.number == errno.ENOENT


def _stages(netem: qdiscs.Netem) -> list[tuple[int, int, dict[int, bytes], tuple[int, ...]]]:
    """Each stage's handle, parent, attributes, and the old fields: latency, limit, loss."""
    found = []
    for request in qdiscs.set_netem(3, "eth", netem):
        _, handle, parent = struct.unpack_from("=iII", request.body, 4)
        outer = dict(attributes(request.body, 20))
        assert outer[1] == b"netem\0"
        found.append((handle, parent, dict(attributes(outer[2], 24)), struct.unpack_from("=III", outer[2])))
    return found


def test_netems_attributes() -> None:
    ((_, parent, inner, fields),) = _stages(qdiscs.Netem(18_250_500, 0, Loss(50.0), 8 * 10**11, 4526, 7))
    assert (parent, fields) == (0xFFFFFFFF, (0, 4526, 2**31))
    assert struct.unpack("=q", inner[10]) == (18_250_500,)
    assert struct.unpack("=q", inner[11]) == (0,)
    assert struct.unpack("=Q", inner[14]) == (7,)
    assert struct.unpack("=Q", inner[8]) == (10**11,)


def test_jitter_is_a_stage_behind_the_rate() -> None:
    """Because netem with a rate keeps order; what is on its way takes no room of the queue, and nothing drops it."""
    waiting = 3000
    in_flight = -(-(10**9) * 20 // (8 * 1500 * 1000))  # 18 ms and 2 ms of jitter
    rate, delay = _stages(qdiscs.Netem(18_000_000, 2_000_000, Loss(50.0), 10**9, in_flight + waiting, 7))
    assert (rate[1], delay[1]) == (0xFFFFFFFF, rate[0] | 1)
    assert (rate[3], delay[3]) == ((0, waiting, 2**31), (0, 2**31 - 1, 0))
    assert [struct.unpack("=qq", stage[2][10] + stage[2][11]) for stage in (rate, delay)] == [
        (0, 0),
        (18_000_000, 2_000_000),
    ]
    assert (6 in rate[2], 6 in delay[2]) == (True, False)
    assert rate[2][14] != delay[2][14]


def test_one_stage_and_two_replace_each_other() -> None:
    """The kernel changes a root queue in place only if its handle stays."""
    one, two = (_stages(qdiscs.Netem(10**6, jitter, NO_LOSS, 10**9, 1000, 7))[0][0] for jitter in (0, 1000))
    assert one != two


def test_a_short_queue_stays_short_with_jitter() -> None:
    rate, _ = _stages(qdiscs.Netem(18_000_000, 2_000_000, NO_LOSS, 10**9, 7, 1))
    assert rate[3][1] == 7


def test_random_delays_are_a_table_in_one_stage_behind_no_other() -> None:
    """Because netem with a rate keeps the order of packets, also of those that it delays by a table."""
    added = Distribution((0, 0.5, 1), (100, 300, 1100))
    ((_, parent, inner, _),) = _stages(qdiscs.Netem(10**7, 0, NO_LOSS, 10**9, 1000, 7, added))
    assert (parent, 6 in inner) == (0xFFFFFFFF, True)
    ((delay_ns,), (jitter_ns,)) = struct.unpack("=q", inner[10]), struct.unpack("=q", inner[11])
    delays_us = [(delay_ns + jitter_ns * it / 8192) / 1000 for (it,) in struct.iter_unpack("=h", inner[2])]
    assert delays_us == pytest.approx([10_000 + it for it in added.samples_us(TABLE_SIZE)], abs=0.02)


def test_a_single_random_delay_needs_no_table() -> None:
    ((_, _, inner, _),) = _stages(qdiscs.Netem(10**7, 0, NO_LOSS, 10**9, 1000, 7, Distribution((0, 1), (500, 500))))
    assert (2 in inner, *struct.unpack("=q", inner[10]), *struct.unpack("=q", inner[11])) == (False, 10_500_000, 0)


def test_a_correlated_loss_and_one_in_bursts() -> None:
    netem = qdiscs.Netem(10**7, 0, Loss(50.0, 25.0), 10**9, 1000, 7)
    ((_, _, inner, fields),) = _stages(netem)
    assert (fields[2], struct.unpack("=III", inner[1])) == (2**31, (0, 2**30, 0))
    ((_, _, inner, fields),) = _stages(replace(netem, loss=Loss(0.0, bursts=Bursts(25.0, 50.0, 75.0, 12.5))))
    kind, numbers = next(attributes(inner[5], 0))
    assert (fields[2], kind) == (0, 2)
    assert struct.unpack("=IIII", numbers) == (2**30, 2**31, 2**30, 2**29)


def test_wrong_bits_duplicates_and_packets_that_overtake() -> None:
    ((_, _, inner, _),) = _stages(
        qdiscs.Netem(10**7, 0, NO_LOSS, 10**9, 1000, 7, corrupt=Share(25), duplicate=Share(50), reorder=Reorder(12.5))
    )
    assert (struct.unpack("=II", inner[4]), struct.unpack("=II", inner[3])) == ((2**30, 0), (2**29, 0))
