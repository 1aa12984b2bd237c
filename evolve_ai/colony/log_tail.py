"""Reads the end of an agent's log, and then what is appended to it."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from evolve_ai.colony.agent_log import NAME
from evolve_ai.model.errors import EvolveError

MOST = 16 * 1024 * 1024  # bytes that are read at once; of more than that, the end
_MARK = 512  # the last bytes read: they are searched for after the log was cut
_LOOKS = 3  # searches before the mark is given up: a cut may be half done
_SAFE = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW


class LogTail:
    """The log in an agent's folder. Only a regular file is read, and no link is followed.

    The agent may write anything into it at any speed, or replace it by something else. The colony
    cuts it now and then by copying and truncating. Use as a context manager.
    """

    def __init__(self, folder: Path):
        """Raises FileNotFoundError when there is no such folder."""
        self._path = folder
        self._folder = os.open(folder, _SAFE | os.O_DIRECTORY)
        self._file = -1
        self._offset = 0
        self._mark = b""
        self._looks = 0  # searches since the log was found to be cut

    def __enter__(self) -> "LogTail":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        os.close(self._folder)

    def last(self, lines: int) -> bytes:
        """The last so many lines. FileNotFoundError when there is no log yet."""
        self._open()
        data = self._added()
        at = len(data) - data.endswith(b"\n")
        for _ in range(lines):
            at = data.rfind(b"\n", 0, at)
            if at < 0:
                return data
        return data[at + 1 :]

    def more(self) -> bytes:
        """What was appended since the last call; the whole file if another has replaced it."""
        if self._file >= 0:
            data = self._added()
            if data or not self._was_replaced():
                return data
            self._close()
        with suppress(FileNotFoundError):
            self._open()
        return self._added() if self._file >= 0 else b""

    def gone(self) -> bool:
        """True if the folder was removed, as it is for a dead agent."""
        try:
            return not os.path.samestat(os.fstat(self._folder), self._path.lstat())
        except FileNotFoundError:
            return True

    def _added(self) -> bytes:
        """The new bytes. After a cut, the last bytes read are searched for in what is left."""
        size = os.fstat(self._file).st_size
        if not self._looks and (size < self._offset or not self._is_in_place()):
            self._looks = 1
        data = self._read(max(0 if self._looks else self._offset, size - MOST), size)
        if self._looks:
            # The colony never cuts a log that is shorter than a mark: somebody has emptied it.
            at = data.rfind(self._mark) if len(self._mark) == _MARK else -1
            if at < 0 and self._looks < _LOOKS:
                self._looks += 1
                return b""
            known = at + _MARK if at >= 0 else 0
            self._looks, self._mark, data = 0, data[:known], data[known:]
        self._offset, self._mark = size, (self._mark + data)[-_MARK:]
        return data

    def _is_in_place(self) -> bool:
        """True if the last bytes read still stand before the offset."""
        return os.pread(self._file, len(self._mark), self._offset - len(self._mark)) == self._mark

    def _read(self, start: int, end: int) -> bytes:
        parts = []
        while start < end and (part := os.pread(self._file, end - start, start)):
            parts.append(part)
            start += len(part)
        return b"".join(parts)

    def _was_replaced(self) -> bool:
        ours = os.fstat(self._file)
        try:
            found = os.stat(NAME, dir_fd=self._folder, follow_symlinks=False)
        except FileNotFoundError:
            return False  # a new file may appear later
        return not os.path.samestat(ours, found)

    def _open(self) -> None:
        try:
            handle = os.open(NAME, _SAFE | os.O_NONBLOCK, dir_fd=self._folder)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise self._refused() from error
            raise
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise self._refused()
        self._file, self._offset, self._mark, self._looks = handle, 0, b"", 0

    def _refused(self) -> EvolveError:
        return EvolveError("not shown: it is a link, or no regular file", where=self._path / NAME)

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
