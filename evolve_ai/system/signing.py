"""Keeps the key of a project, signs what was built, and checks signatures."""

import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from evolve_ai.model.errors import SigningKeyError
from evolve_ai.system.files import read_regular, storage_errors, sync_folder

SIGNATURE = "signature"  # the name of a file beside what it signs
_MAX_BYTES = 64 * 1024
_ANEW = "move it away: a new one is made, and every program is built anew"


@dataclass(frozen=True, slots=True)
class Key:
    """An Ed25519 key (RFC 8032)."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> str:
        """The public half of the key, which identifies it: 64 hexadecimal digits."""
        return self.private.public_key().public_bytes_raw().hex()

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data)

    def verifies(self, data: bytes, signature: bytes) -> bool:
        return is_signed(data, signature, self.public)


def is_signed(data: bytes, signature: bytes, public: str) -> bool:
    """True if this was signed with the key of that public half; False also for a malformed one."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def read_key(file: Path) -> Key | None:
    """The key in this file; None where there is no such file.

    Raises SigningKeyError if others can read or write the file, if it is not this user's, a link,
    or no key: then others may have signed, too.
    """
    try:
        seen = file.lstat()
    except FileNotFoundError:
        return None
    _check(file, seen)
    try:
        data = read_regular(file, _MAX_BYTES)
    except OSError as error:
        raise SigningKeyError(
            f"the key cannot be read: {error.strerror}", where=file, todo=_ANEW
        ) from error
    return Key(_parsed(file, data))


def make_key(file: Path) -> Key:
    """Make a new key in this file. SigningKeyError where there is one already."""
    private = Ed25519PrivateKey.generate()
    with storage_errors(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # mode 0600
        try:
            with os.fdopen(handle, "wb") as new:
                new.write(_written(private))
                new.flush()
                os.fsync(new.fileno())
            file.hardlink_to(draft)  # like O_EXCL, but the file appears complete
        except FileExistsError as error:
            raise SigningKeyError("somebody else has just made it", where=file) from error
        finally:
            Path(draft).unlink(missing_ok=True)
        sync_folder(file.parent)
    return Key(private)


def _check(file: Path, seen: os.stat_result) -> None:
    mode = stat.S_IMODE(seen.st_mode)
    if not stat.S_ISREG(seen.st_mode):
        raise SigningKeyError("the key is a link, or no regular file", where=file, todo=_ANEW)
    if seen.st_uid != os.geteuid():
        raise SigningKeyError(
            f"the key belongs to user {seen.st_uid}, and this is user {os.geteuid()}",
            where=file,
            todo=f"run evolve as its owner, or {_ANEW}",
        )
    if mode & 0o077:
        raise SigningKeyError(
            f"the key has mode {mode:04o}: others may have read it, or written it",
            where=file,
            todo=f"if nobody can have done that, chmod 600 it; else {_ANEW}",
        )


def _written(private: Ed25519PrivateKey) -> bytes:
    """Both halves: with one half, a damaged file would look like another valid key."""
    encoding = serialization.Encoding.PEM
    return private.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + private.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)


def _parsed(file: Path, data: bytes) -> Ed25519PrivateKey:
    damaged = SigningKeyError(
        "the key is damaged", where=file, todo=f"put it back from a backup, or {_ANEW}"
    )
    mark = max(data.find(b"-----BEGIN PUBLIC KEY-----"), 0)
    try:
        private = serialization.load_pem_private_key(data[:mark], None)
        public = serialization.load_pem_public_key(data[mark:])
    except Exception as error:  # the library has no class for everything that a file can be
        raise damaged from error
    if not isinstance(private, Ed25519PrivateKey) or private.public_key() != public:
        raise damaged
    return private
