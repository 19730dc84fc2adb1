"""Batches of datagrams and frames, over sockets of this machine."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from emulator.overlays.datagrams import MAX_RUN_BYTES, Received, Receiver, Run, Sender, address_of, merge, split
from emulator.system.poll import readable

PATIENCE_S = 20.0
HERE = "127.0.0.1"
SIZE = 1000


def end() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((HERE, 0))
    made.settimeout(PATIENCE_S)
    return made


@pytest.fixture
def near() -> Iterator[socket.socket]:
    with end() as made:
        yield made


@pytest.fixture
def far() -> Iterator[socket.socket]:
    with end() as made:
        yield made


def datagrams(count: int, size: int = SIZE) -> list[bytes]:
    return [bytes([number]) * size for number in range(count)]


@pytest.fixture
def local() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A pair of local sockets: what one has sent is there at the other before the call returns."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        yield one, other


def receive_all(end: socket.socket, receiver: Receiver, count: int) -> list[Received]:
    """Return ``count`` messages of a socket, and those that have come with them.

    The loopback device may deliver after the call that sent: a kernel before 6.5 leaves it to another thread if that
    thread is busy already.
    """
    found: list[Received] = []
    while len(found) < count:
        assert readable([end.fileno()], PATIENCE_S), f"only {len(found)} of {count} have come"
        found += receiver.receive()
    return found


def test_a_message_has_its_senders_address(near: socket.socket, far: socket.socket) -> None:
    sent = datagrams(5)
    for data in sent:
        near.sendto(data, far.getsockname())
    received = receive_all(far, Receiver(far, 2000), 5)
    assert [it.data for it in received] == sent
    assert {address_of(it.sender) for it in received} == {near.getsockname()}


def test_a_call_takes_all_messages_but_no_more_than_there_are_buffers(
    local: tuple[socket.socket, socket.socket],
) -> None:
    one, other = local
    for count, expected in ((64, [5, 0]), (3, [3, 2, 0])):
        for data in datagrams(5):
            one.send(data)
        receiver = Receiver(other, 2000, count)
        assert [len(receiver.receive()) for _ in expected] == expected


def test_what_is_longer_than_a_buffer_is_cut_off_and_an_empty_datagram_is_one(
    near: socket.socket, far: socket.socket
) -> None:
    receiver = Receiver(far, 10)
    for data in (b"a" * 11, b"", b"b"):
        near.sendto(data, far.getsockname())
    assert [it.data for it in receive_all(far, receiver, 3)] == [b"a" * 10, b"", b"b"]


def test_a_call_may_wait_for_the_first_message(near: socket.socket, far: socket.socket) -> None:
    far.settimeout(None)
    near.sendto(b"here", far.getsockname())
    assert [it.data for it in Receiver(far, 2000).receive(waits=True)] == [b"here"]


def test_a_run_arrives_as_its_datagrams_whether_the_kernel_hands_it_over_merged_or_not(
    near: socket.socket, far: socket.socket
) -> None:
    sent = [*datagrams(20), b"the last is shorter"]
    for is_merged in (False, True):
        receiver = Receiver(far, 65535, is_merged=is_merged)
        assert Sender(near).send([Run(b"".join(sent), SIZE, far.getsockname())]) == []
        assert [it.data for it in receive_all(far, receiver, len(sent))] == sent


def test_the_kernel_carries_a_run_as_one_message(near: socket.socket, far: socket.socket) -> None:
    Receiver(far, 65535, 1, is_merged=True)  # which asks the kernel for it
    run = b"".join(datagrams(20))
    Sender(near).send([Run(run, SIZE, far.getsockname())])
    assert far.recv(65535) == run


def test_runs_go_to_their_own_addresses_and_single_datagrams_between_them(
    near: socket.socket, far: socket.socket
) -> None:
    with end() as other:
        to, elsewhere = far.getsockname(), other.getsockname()
        runs = [Run(b"aabb", 2, to), Run(b"x", 1, elsewhere), Run(b"c", 2, to), Run(b"yyz", 2, elsewhere)]
        assert Sender(near, 3).send(runs) == []
        assert [it.data for it in receive_all(far, Receiver(far, 2000), 3)] == [b"aa", b"bb", b"c"]
        assert [it.data for it in receive_all(other, Receiver(other, 2000), 3)] == [b"x", b"yy", b"z"]


def test_a_connected_socket_needs_no_address(near: socket.socket, far: socket.socket) -> None:
    near.connect(far.getsockname())
    assert Sender(near).send([Run(b"aab", 2)]) == []
    assert [it.data for it in receive_all(far, Receiver(far, 2000), 2)] == [b"aa", b"b"]


def test_frames_of_a_packet_like_socket_go_in_batches_too(local: tuple[socket.socket, socket.socket]) -> None:
    one, other = local
    sent = datagrams(3)
    assert Sender(one).send([Run(data, len(data)) for data in sent]) == []
    assert [it.data for it in Receiver(other, 2000).receive()] == sent


def test_what_the_kernel_refuses_is_returned_and_the_rest_is_sent(near: socket.socket, far: socket.socket) -> None:
    to = far.getsockname()
    too_large = Run(bytes(MAX_RUN_BYTES + 1), MAX_RUN_BYTES + 1, to)
    failures = Sender(near).send([Run(b"before", 6, to), too_large, Run(b"after", 5, to)])
    assert [(it.run, it.error.errno) for it in failures] == [(too_large, errno.EMSGSIZE)]
    assert [it.data for it in receive_all(far, Receiver(far, 2000), 2)] == [b"before", b"after"]


def test_a_run_that_is_no_message_is_sent_as_its_datagrams(near: socket.socket, far: socket.socket) -> None:
    sent = datagrams(50, 1400)  # more bytes than a datagram may have
    assert Sender(near).send([Run(b"".join(sent), 1400, far.getsockname())]) == []
    assert [it.data for it in receive_all(far, Receiver(far, 2000), len(sent))] == sent


def test_an_icmp_answer_is_an_error_of_the_next_call(near: socket.socket, far: socket.socket) -> None:
    near.connect(far.getsockname())
    far.close()
    near.send(b"to nobody")
    assert readable([near.fileno()], PATIENCE_S)
    with pytest.raises(ConnectionRefusedError):
        Receiver(near, 2000).receive()


def test_only_neighbours_of_one_size_and_address_are_merged() -> None:
    here, there = (HERE, 1), (HERE, 2)
    assert merge([(b"aa", here), (b"bb", here), (b"c", here), (b"dd", here), (b"ee", there), (b"fff", there)]) == [
        Run(b"aabbc", 2, here),
        Run(b"dd", 2, here),
        Run(b"ee", 2, there),
        Run(b"fff", 3, there),
    ]
    assert merge([]) == []


def test_a_run_has_no_more_than_the_kernel_takes() -> None:
    assert [len(run.data) for run in merge([(bytes(1), None)] * 65)] == [64, 1]
    assert [len(run.data) for run in merge([(bytes(1472), None)] * 50)] == [1472 * 44, 1472 * 6]


def test_a_run_splits_into_what_was_merged() -> None:
    parts = [b"aa", b"bb", b"c"]
    (run,) = merge([(part, None) for part in parts])
    assert list(split(run)) == parts
