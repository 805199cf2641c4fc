"""Seals short texts that have to be stored, such as a platform's reply tokens, under the bot's own secret.

Fernet (AES-128-CBC with HMAC-SHA256) under a key derived from the secret and a purpose, so what was sealed for one use
opens for no other.
"""

import base64
import hmac

from cryptography.fernet import Fernet, InvalidToken


class Sealer:
    def __init__(self, secret: bytes, purpose: str) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(hmac.digest(secret, f"seal {purpose}".encode(), "sha256")))

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str | None:
        """None: not sealed by this secret for this purpose, or changed since."""
        try:
            return self._fernet.decrypt(sealed.encode("ascii", "replace")).decode()
        except (InvalidToken, ValueError):
            return None
