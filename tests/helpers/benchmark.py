"""The programs in benchmarks/, which are no package, as modules."""

import importlib.util
import sys
from types import ModuleType

from conftest import REPO


def benchmark(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", REPO / "benchmarks" / f"{name}.py")
    module, path = importlib.util.module_from_spec(spec), list(sys.path)
    sys.path.insert(0, str(REPO / "benchmarks"))  # they may import one another
    spec.loader.exec_module(module)
    sys.path[:] = path
    return module
