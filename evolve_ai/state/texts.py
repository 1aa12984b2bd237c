"""Writes values as JSON, many at once."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

_encoder = msgspec.json.Encoder()  # a tenth of the time of json's


def texts(values: Iterable[Any]) -> list[str]:
    """The JSON of each; in it infinities are null. TypeError for what JSON has not got."""
    return _encoder.encode_lines(values).decode().split("\n")[:-1]


def exact_texts(values: Iterable[Any]) -> list[str]:
    """As `texts`, with infinities as Python's json has them."""
    values = list(values)
    return [
        json.dumps(value) if "null" in text else text
        for value, text in zip(values, texts(values), strict=True)
    ]
