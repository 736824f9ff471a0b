"""Outputs that appear whole or not at all."""

import json
import os
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic(path):
    """Yield a temporary path beside `path`; rename it into place only if the body succeeds.

    The temporary name is fixed (`.<name>.tmp`): one job writes one output, and what a killed job left behind is
    overwritten by its next run instead of piling up.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path, content) -> None:
    """Write `content` as JSON. NaN and infinity are refused: what has no value is `null`, with a reason beside it."""
    text = json.dumps(content, indent=1, allow_nan=False)
    write_text(path, text + "\n")


def read_json(path):
    return json.loads(Path(path).read_text())


def write_text(path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text)
