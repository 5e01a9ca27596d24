"""The sets of shared/data."""

import json

from harness.paths import SHARED_DATA


def read(path: str) -> list[dict]:
    with open(SHARED_DATA / path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def is_there(name: str) -> bool:
    return (SHARED_DATA / name).is_dir()
