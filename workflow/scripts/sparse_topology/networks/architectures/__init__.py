"""The networks, one module per word. `load` finds one by name: the only place in the workflow that imports by name."""

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path

from sparse_topology.job import InputError


def words() -> list[str]:
    """Every architecture that has a module here."""
    return sorted(file.stem for file in Path(__file__).parent.glob("*.py") if not file.stem.startswith("_"))


def load(word: str) -> Callable:
    """Return `build(num_classes, in_channels, **options)` of an architecture.

    word: the name of a module in this package, or "path/to/file.py:callable" for a network of the user's own, which
    is called with `num_classes=` (and its options) and knows its input channels itself.
    """
    if ":" in word:
        return _load_file(word)
    if word not in words():
        raise InputError(f"architectures: {word!r} is not one of {', '.join(words())}")
    return importlib.import_module(f"sparse_topology.networks.architectures.{word}").build


def built(word: str, classes: int, channels: int, options: dict):
    """The network of a word, with its own initial weights. Raises InputError for options that it cannot have."""
    try:
        return load(word)(num_classes=classes, in_channels=channels, **options)
    except Exception as error:
        if not options or isinstance(error, InputError):
            raise
        raise InputError(f"options.{word}: {options} cannot be built: {type(error).__name__}: {error}") from error


def _load_file(word: str) -> Callable:
    path, _, name = word.rpartition(":")
    if not Path(path).is_file():
        raise InputError(f"architecture {word!r}: there is no file {path!r}")
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None:
        raise InputError(f"architecture {word!r}: {path!r} is not a Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        raise InputError(f"architecture {word!r}: {path!r} has no function or class {name!r}")

    def build(num_classes, in_channels=3, **options):
        return function(num_classes=num_classes, **options)

    return build
