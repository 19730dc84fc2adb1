"""The bytes of a connection: introduction, lengths, gossip, and what is refused."""

from __future__ import annotations

import pytest

from emulator.overlays.weave.crypto import make_key_pair
from emulator.overlays.weave.wire import VERSION, Gossip, ProtocolError, Tag, Wire, pack_gossip, parse_gossip

WORD, OTHER_WORD = "correct horse", "battery staple"
ONE, TWO = bytes((2, 0, 0, 0, 0, 1)), bytes((2, 0, 0, 0, 0, 2))


def wires(first: str | None, second: str | None) -> tuple[Wire, Wire]:
    return (
        Wire(first, is_outbound=True, make_keys=make_key_pair),
        Wire(second, is_outbound=False, make_keys=make_key_pair),
    )


def test_the_introduction_is_weaves_with_a_version_that_weave_has_not() -> None:
    near, _ = wires(None, None)
    assert near.introduction() == b"weave" + bytes((VERSION, VERSION)) + b"\0"
    sealed, _ = wires(WORD, WORD)
    assert sealed.introduction()[:8] == b"weave" + bytes((VERSION, VERSION)) + b"\1"
    assert len(sealed.introduction()) == 8 + 32


@pytest.mark.parametrize("word", [None, WORD])
def test_messages_arrive_whole_however_the_stream_is_cut(word: str | None) -> None:
    near, far = wires(word, word)
    far.feed(near.introduction())
    near.feed(far.introduction())
    sent = [b"", b"one", bytes(70_000)]
    stream = b"".join(near.pack(message) for message in sent)
    for step in (1, 7, 65536):
        _, receiver = wires(None, None)
        receiver._has_header = receiver._is_introduced = True
        receiver._cipher = far._cipher
        if far._cipher is not None:
            far._cipher._received = 0
        received = []
        for at in range(0, len(stream), step):
            received += receiver.feed(stream[at : at + step])
        assert received == sent
    assert near.session_key == far.session_key
    assert (near.session_key is None) == (word is None)


def test_an_introduction_byte_by_byte_is_one() -> None:
    near, far = wires(WORD, WORD)
    introduction = near.introduction()
    for at in range(len(introduction) - 1):
        assert far.feed(introduction[at : at + 1]) == []
        assert not far.is_introduced
    far.feed(introduction[-1:])
    assert far.is_introduced


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"GET /", "does not speak Weave's protocol"),
        (b"weave\x01\x02", "speaks versions 1 to 2 of Weave's protocol, not 128"),
        (b"weave\x80\x80\x07", "the encryption 7 is unknown"),
        (b"weave\x80\x80\x01" + bytes(32), "has a password, and this one none"),
        (b"weave\x80\x80\x00" + b"\xff\xff\xff\xff", "a message has 4294967295 bytes"),
    ],
)
def test_what_is_no_introduction_is_refused(data: bytes, said: str) -> None:
    near, _ = wires(None, None)
    with pytest.raises(ProtocolError, match=said):
        near.feed(data)


def test_a_peer_without_a_password_and_one_with_another_are_refused() -> None:
    near, far = wires(WORD, None)
    with pytest.raises(ProtocolError, match="has no password"):
        near.feed(far.introduction())
    near, far = wires(WORD, OTHER_WORD)
    near.feed(far.introduction())
    far.feed(near.introduction())
    with pytest.raises(ProtocolError, match="has another password"):
        near.feed(far.pack(b"message"))


@pytest.mark.parametrize(("tag", "destination"), [(Tag.GOSSIP, None), (Tag.BROADCAST, None), (Tag.UNICAST, TWO)])
def test_gossip_is_packed_and_parsed(tag: Tag, destination: bytes | None) -> None:
    gossip = Gossip("topology", ONE, destination, b"{}")
    data = pack_gossip(gossip)
    assert data == b"\x08topology" + ONE + (destination or b"") + b"{}"
    assert parse_gossip(tag, data) == gossip
    for length in range(len(data) - 2):
        with pytest.raises(ProtocolError):
            parse_gossip(tag, data[:length])
