"""Outputs that appear whole or not at all, and inputs that are refused unless they are whole."""

import io
import json
import os
from contextlib import contextmanager
from pathlib import Path

from sparse_topology.job import InputError


@contextmanager
def reading(path, what: str):
    """Raise InputError, which says what to do, if the body cannot read `path`, an intermediate file, as `what`.

    A copy that was cut off, a full disk or a power cut leave such files; each library fails on them in its own ways.
    """
    try:
        yield
    except (InputError, MemoryError, FileNotFoundError, PermissionError):
        raise
    except Exception as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{path} is no {what} ({line}); delete it and run again") from error


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
    with reading(path, "JSON file"):
        return json.loads(Path(path).read_text(encoding="utf-8"))


def read_array(path, **options):
    """The array of an npy file. options: of numpy.load."""
    import numpy as np

    with reading(path, "array"):
        return np.load(path, allow_pickle=False, **options)


def read_arrays(path) -> dict:
    """The arrays of an npz file by name, in its order."""
    import numpy as np

    with reading(path, "file of arrays"), np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def read_table(path, **options):
    """A CSV as a DataFrame. options: of pandas. One that does not end with its last line has been cut off."""
    import pandas as pd

    with reading(path, "whole table"):
        content = Path(path).read_bytes()
        if not content.endswith(b"\n"):
            raise ValueError("its last line has no end")
        return pd.read_csv(io.BytesIO(content), **options)


def read_parquet(path):
    """A Parquet file as a DataFrame."""
    import pandas as pd

    with reading(path, "Parquet file"):
        return pd.read_parquet(path)


def write_text(path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
