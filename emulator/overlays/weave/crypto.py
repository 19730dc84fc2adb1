"""The encryption of connections with a password, as in Weave's `protocol_crypto.go`: NaCl's box and secretbox.

Two peers exchange public keys of Curve25519, made for this connection. The session key is the SHA-256 of NaCl's shared
key and the password, so a peer with another password gets another key. Each direction of each channel has its own
nonces: their highest bit says who has opened the connection, the next one is set for TCP and not for datagrams.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

KEY_BYTES = 32
NONCE_BYTES = 24
TAG_BYTES = 16
"""The bytes that secretbox adds to a message: its authenticator (Poly1305)."""
_OUTBOUND, _TCP = 0x80, 0x40


class DecryptionError(Exception):
    """A message is forged, damaged or encrypted with another key."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key pair of Curve25519, each key of 32 bytes."""

    public: bytes
    private: bytes


def make_key_pair() -> KeyPair:
    """Return a new key pair from the kernel's random numbers."""
    from nacl.bindings import crypto_box_keypair

    return KeyPair(*crypto_box_keypair())


def session_key(remote_public: bytes, private: bytes, password: str) -> bytes:
    """Return the key of a connection, which both of its ends compute."""
    from nacl.bindings import crypto_box_beforenm

    return hashlib.sha256(crypto_box_beforenm(remote_public, private) + password.encode()).digest()


def seal(key: bytes, nonce: bytes, message: bytes) -> bytes:
    """Encrypt a message (XSalsa20) and put its authenticator before it."""
    from nacl.bindings import crypto_secretbox

    sealed: bytes = crypto_secretbox(message, nonce, key)
    return sealed


def unseal(key: bytes, nonce: bytes, sealed: bytes) -> bytes:
    """Decrypt a message.

    Raises:
        DecryptionError: the authenticator is wrong.
    """
    from nacl.bindings import crypto_secretbox_open
    from nacl.exceptions import CryptoError

    try:
        message: bytes = crypto_secretbox_open(sealed, nonce, key)
    except (CryptoError, ValueError) as error:
        raise DecryptionError(str(error)) from None
    return message


def nonce(number: int, *, is_outbound: bool, is_tcp: bool) -> bytes:
    """Return the nonce of a message of a number (64 bits), sent by the end that has opened the connection or not."""
    first = (_OUTBOUND if is_outbound else 0) | (_TCP if is_tcp else 0)
    return bytes((first,)) + bytes(NONCE_BYTES - 9) + number.to_bytes(8, "big")


class TcpCipher:
    """The encryption of the messages of a TCP connection, which come in order."""

    def __init__(self, key: bytes, *, is_outbound: bool) -> None:
        self._key = key
        self._is_outbound = is_outbound
        self._sent = self._received = 0

    def seal(self, message: bytes) -> bytes:
        """Encrypt the next message to send."""
        number = self._sent
        self._sent += 1
        return seal(self._key, nonce(number, is_outbound=self._is_outbound, is_tcp=True), message)

    def unseal(self, sealed: bytes) -> bytes:
        """Decrypt the next message received.

        Raises:
            DecryptionError: the message is forged, or the other end has another password.
        """
        number = self._received
        self._received += 1
        return unseal(self._key, nonce(number, is_outbound=not self._is_outbound, is_tcp=True), sealed)
