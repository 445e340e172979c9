"""The Matyas-Meyer-Oseas hash over AES-128, and the keyed values Zigbee derives with it.

Source: Zigbee specification, annex B.4 (hash, keyed hash) and clause 4.5.3 (derived keys).
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from openesi.errors import LocalError

BLOCK_BYTES: Final = 16
# The short padding ends in a 16-bit length; nothing in Smart Energy hashes more than a few hundred bytes.
MAX_MESSAGE_BYTES: Final = 8191

KEY_TRANSPORT_LABEL: Final = b"\x00"
KEY_LOAD_LABEL: Final = b"\x02"


def digest(message: bytes) -> bytes:
    """The 16-byte MMO hash of ``message``; at most 8191 bytes."""
    if len(message) > MAX_MESSAGE_BYTES:
        raise LocalError(f"the MMO hash takes at most {MAX_MESSAGE_BYTES} bytes, not {len(message)}")
    padded = (
        message + b"\x80" + b"\x00" * (-(len(message) + 3) % BLOCK_BYTES) + (len(message) * 8).to_bytes(2)
    )
    state = bytes(BLOCK_BYTES)
    for start in range(0, len(padded), BLOCK_BYTES):
        block = padded[start : start + BLOCK_BYTES]
        state = _xor(_encrypt(state, block), block)
    return state


def hmac(key: bytes, message: bytes) -> bytes:
    """HMAC over the MMO hash; ``key`` is one block."""
    if len(key) != BLOCK_BYTES:
        raise LocalError(f"a key of the keyed hash is {BLOCK_BYTES} bytes, not {len(key)}")
    inner = digest(_xor(key, b"\x36" * BLOCK_BYTES) + message)
    return digest(_xor(key, b"\x5c" * BLOCK_BYTES) + inner)


def key_transport_key(link_key: bytes) -> bytes:
    """The key under which the trust centre sends the network key to the owner of ``link_key``."""
    return hmac(link_key, KEY_TRANSPORT_LABEL)


def key_load_key(link_key: bytes) -> bytes:
    """The key under which the trust centre sends link keys to the owner of ``link_key``."""
    return hmac(link_key, KEY_LOAD_LABEL)


def _encrypt(key: bytes, block: bytes) -> bytes:
    # One block under a key that is used once: the mode that the hash is built from, not a way to encrypt
    # data.
    return Cipher(algorithms.AES128(key), modes.ECB()).encryptor().update(block)  # noqa: S305


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
