"""Writes logs/orchestrator.log: problems other than those of agents, as JSON lines."""

import logging
import sys
from contextlib import suppress
from importlib import import_module
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Protocol

FILE_NAME = "orchestrator.log"
_FILE_BYTES = 8 * 1024 * 1024
_FILES = 3


class Log(Protocol):
    """Reports problems, and what makes problems more likely."""

    def info(self, event: str, **facts: Any) -> Any: ...

    def warning(self, event: str, **facts: Any) -> Any: ...


class _FileHandler(RotatingFileHandler):
    """A log file that reports its own failure (full disk, missing folder) on stderr."""

    def handleError(self, record: logging.LogRecord) -> None:
        reason = sys.exc_info()[1]
        with suppress(OSError, ValueError):  # stderr may be closed
            sys.stderr.write(f"evolve: {self.baseFilename}: {reason}; {record.getMessage()}\n")


def open_log(folder: Path) -> Log:
    """A log in this folder, which is created if needed; stderr where that is impossible."""
    logger = logging.Logger("evolve_ai", logging.INFO)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = _FileHandler(
            folder / FILE_NAME, maxBytes=_FILE_BYTES, backupCount=_FILES, encoding="utf-8"
        )
    except OSError:
        handler = logging.StreamHandler()
    logger.addHandler(handler)
    structlog = import_module("structlog")  # loads asyncio and ssl, which workers do not need
    log: Log = structlog.wrap_logger(
        logger,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(default=str),
        ],
    )
    return log
