"""Names runs."""

import uuid


def run_id() -> str:
    return uuid.uuid4().hex[:12]
