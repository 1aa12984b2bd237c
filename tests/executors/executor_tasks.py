"""Tasks for workers: module-level, as workers need them."""

import os
import signal
import sys
import time
from pathlib import Path


def square(number: int) -> int:
    return number * number


def slow_square(number: int) -> int:
    time.sleep(0.05 if number % 5 == 0 else 0.001)
    return number * number


def length(data: bytes) -> int:
    return len(data)


def twice(data: bytes) -> bytes:
    return data * 2


def refuse_seven(number: int) -> int:
    if number == 7:
        raise ValueError("seven is refused")
    return number


def whoami(_: int) -> int:
    time.sleep(0.02)
    return os.getpid()


def die(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


class TwoArguments(Exception):
    def __init__(self, first: int, second: int):
        super().__init__(f"{first} and {second}")


def raise_what_cannot_travel(_: int) -> None:
    raise TwoArguments(1, 2)


def give_what_cannot_travel(_: int) -> object:
    return lambda: None


def heavy_modules(_: int) -> list[str]:
    heavy = ("click", "rich", "pydantic", "tomlkit", "structlog", "psutil", "pytest", "asyncio")
    return [name for name in heavy if name in sys.modules]


def signal_self(number: int) -> int:
    os.kill(os.getpid(), number)
    time.sleep(0.01)
    return number


def pss_kib(_: int) -> int:
    time.sleep(0.05)
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def touch_and_sleep(folder: str) -> None:
    Path(folder, str(os.getpid())).touch()
    time.sleep(120)
