"""Sleeve's datagrams, byte by byte."""

from __future__ import annotations

import struct

import pytest

from emulator.overlays.weave import crypto
from emulator.overlays.weave.packing import Opener, PackingError, PlainPacker, SealedPacker, parse

OWN, ONE, TWO = bytes.fromhex("7a7764400001"), bytes.fromhex("7a7764400002"), bytes.fromhex("7a7764400003")
KEY = bytes(range(32))


def test_a_datagram_is_the_senders_name_and_frames_behind_names_and_lengths() -> None:
    packer = PlainPacker(OWN)
    assert packer.is_empty
    packer.add(OWN, ONE, b"frame")
    packer.add(TWO, ONE, b"")
    data = packer.finish()
    frames = (OWN + ONE + b"\x00\x05frame", TWO + ONE + b"\x00\x00")
    assert data == OWN + b"".join(frames)
    assert list(parse(data[6:])) == [(OWN, ONE, b"frame"), (TWO, ONE, b"")]
    assert packer.is_empty


def test_a_frame_fits_until_the_limit() -> None:
    packer = PlainPacker(OWN)
    assert packer.fits(bytes(1452), 1472)
    assert not packer.fits(bytes(1453), 1472)
    packer.add(OWN, ONE, bytes(700))
    assert packer.fits(bytes(738), 1472)
    assert not packer.fits(bytes(739), 1472)
    sealed = SealedPacker(OWN, KEY, is_outbound=True, dont_fragment=True)
    assert sealed.fits(bytes(1428), 1472)
    assert not sealed.fits(bytes(1429), 1472)
    sealed.add(OWN, ONE, bytes(1428))
    assert len(sealed.finish()) == 1472


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"123456", "6 bytes are left after the last frame"),
        (OWN + ONE + b"\x00\x05four", "a frame has 4 bytes instead of 5"),
        (OWN + ONE + b"\x00\x04four" + b"1", "1 bytes are left after the last frame"),
    ],
)
def test_what_is_cut_off_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(PackingError, match=said):
        list(parse(data))


@pytest.mark.parametrize("dont_fragment", [False, True])
@pytest.mark.parametrize("is_outbound", [False, True])
def test_an_encrypted_datagram_has_name_number_and_box(dont_fragment: bool, is_outbound: bool) -> None:
    packer = SealedPacker(OWN, KEY, is_outbound=is_outbound, dont_fragment=dont_fragment)
    opener = Opener(KEY, is_outbound=not is_outbound)
    for number in range(3):
        packer.add(OWN, ONE, b"frame")
        data = packer.finish()
        assert data[:6] == OWN
        marked = number | (dont_fragment << 63)
        assert data[6:14] == struct.pack("!Q", marked)
        first = b"\x80" if is_outbound else b"\x00"
        nonce = first + bytes(15) + struct.pack("!Q", marked)
        assert crypto.unseal(KEY, nonce, data[14:]) == OWN + ONE + b"\x00\x05frame"
        assert list(parse(opener.open(data[6:]))) == [(OWN, ONE, b"frame")]


def test_repeated_and_very_old_datagrams_are_dropped_and_late_ones_are_not() -> None:
    packer = SealedPacker(OWN, KEY, is_outbound=True, dont_fragment=False)
    opener = Opener(KEY, is_outbound=False)

    def datagram(number: int) -> bytes:
        packer._number = number
        packer.add(OWN, ONE, b"frame")
        return packer.finish()[6:]

    seen = []
    for number in (0, 2, 1, 1, 2**20, 3, 3, 2**21 + 5, 4, 2**20 + 1, 2**40, 2**20 + 2):
        seen.append(bool(opener.open(datagram(number))))
    assert seen == [True, True, True, False, True, True, False, True, False, True, True, False]


def test_the_two_kinds_of_datagrams_are_numbered_on_their_own() -> None:
    opener = Opener(KEY, is_outbound=False)
    for dont_fragment in (False, True):
        packer = SealedPacker(OWN, KEY, is_outbound=True, dont_fragment=dont_fragment)
        packer.add(OWN, ONE, b"frame")
        assert opener.open(packer.finish()[6:])


def test_a_forged_datagram_is_refused() -> None:
    packer = SealedPacker(OWN, KEY, is_outbound=True, dont_fragment=True)
    packer.add(OWN, ONE, b"frame")
    data = packer.finish()[6:]
    for forged in (data[:-1] + bytes((data[-1] ^ 1,)), b"\x00" + data[1:], data[:7], b""):
        with pytest.raises(PackingError):
            Opener(KEY, is_outbound=False).open(forged)
    with pytest.raises(PackingError):
        Opener(bytes(32), is_outbound=False).open(data)
    with pytest.raises(PackingError):
        Opener(KEY, is_outbound=True).open(data)  # sent by this end itself
