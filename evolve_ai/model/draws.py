"""Makes random numbers from (seed, purpose, ...) instead of a shared stream."""

import hashlib
import random
import uuid


class Draws:
    """Random numbers that depend only on the seed and on the key of the request."""

    def __init__(self, seed: int):
        self.seed = seed

    def _digest(self, purpose: str, keys: tuple[object, ...]) -> bytes:
        text = "\x1f".join([str(self.seed), purpose, *map(str, keys)])
        return hashlib.blake2b(text.encode(), digest_size=16).digest()

    def rng(self, purpose: str, *keys: object) -> random.Random:
        return random.Random(int.from_bytes(self._digest(purpose, keys), "big"))

    def integer(self, purpose: str, *keys: object) -> int:
        """An unsigned 64-bit integer."""
        return int.from_bytes(self._digest(purpose, keys)[:8], "big")

    def uuid(self, purpose: str, *keys: object) -> str:
        return str(uuid.UUID(bytes=self._digest(purpose, keys), version=4))
