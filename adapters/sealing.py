"""Seals short texts that have to be stored, such as a platform's reply tokens, under the bot's own secret.

Encrypt-then-MAC from HMAC-SHA256 alone: the keystream is HMAC(key 1, nonce + counter), the tag HMAC(key 2, nonce +
ciphertext). Both keys are derived from the secret and a purpose, so what was sealed for one use opens for no other.
"""

import base64
import binascii
import hmac
import os
from itertools import count

NONCE, TAG = 16, 16  #: bytes


class Sealer:
    def __init__(self, secret: bytes, purpose: str) -> None:
        self._stream_key = hmac.digest(secret, f"stream {purpose}".encode(), "sha256")
        self._tag_key = hmac.digest(secret, f"tag {purpose}".encode(), "sha256")

    def seal(self, text: str) -> str:
        nonce = os.urandom(NONCE)
        hidden = self._mixed(nonce, text.encode())
        return base64.urlsafe_b64encode(nonce + hidden + self._tag(nonce + hidden)).decode()

    def open(self, sealed: str) -> str | None:
        """None: not sealed by this secret for this purpose, or changed since."""
        try:
            data = base64.urlsafe_b64decode(sealed.encode("ascii", "replace"))
        except (binascii.Error, ValueError):
            return None
        body, tag = data[:-TAG], data[-TAG:]
        if len(body) < NONCE or not hmac.compare_digest(tag, self._tag(body)):
            return None
        return self._mixed(body[:NONCE], body[NONCE:]).decode()

    def _tag(self, data: bytes) -> bytes:
        return hmac.digest(self._tag_key, data, "sha256")[:TAG]

    def _mixed(self, nonce: bytes, data: bytes) -> bytes:
        blocks = count()
        stream = b""
        while len(stream) < len(data):
            stream += hmac.digest(self._stream_key, nonce + next(blocks).to_bytes(4, "big"), "sha256")
        return bytes(left ^ right for left, right in zip(data, stream, strict=False))
