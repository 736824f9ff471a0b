"""The wings of the shared package: each imports only what its docstring says, and a label reruns no network."""

import ast
import re
from graphlib import TopologicalSorter

import codehash
import pytest
from conftest import REPO

SCRIPTS = REPO / "workflow" / "scripts"
PACKAGE = SCRIPTS / "sparse_topology"
WINGS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
TOP = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__")


def imported(source: str) -> set[str]:
    """The wings and top modules of the package that a module imports, also inside its functions."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("sparse_topology.")}
    return found


def allowed(wing: str) -> set[str]:
    docstring = ast.get_docstring(ast.parse((PACKAGE / wing / "__init__.py").read_text()))
    return set(re.search(r"^May import: (.+)\.$", docstring, re.M)[1].split(", "))


def test_every_kind_of_import_is_seen():
    source = (
        "import sparse_topology.data.cifar as cifar\nfrom sparse_topology import job, words\nimport numpy\n"
        "def f():\n    from sparse_topology.graphs.layered import Layer\n"
    )
    assert imported(source) == {"data", "job", "words", "graphs"}


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_imports_what_its_docstring_allows(wing):
    assert allowed(wing) <= {*WINGS, *TOP} - {wing}
    for path in (PACKAGE / wing).rglob("*.py"):
        assert imported(path.read_text()) <= allowed(wing) | {wing}, path.relative_to(SCRIPTS)


def test_wings_import_each_other_in_no_circle():
    TopologicalSorter({wing: allowed(wing) for wing in WINGS}).prepare()


def test_what_serves_all_wings_imports_none():
    for name in TOP:
        assert not imported((PACKAGE / f"{name}.py").read_text()) & set(WINGS), name


def test_words_figures_and_report_are_in_no_code_hash_of_a_network():
    scripts = [path.name for kind in ("prune_*.py", "sparsify_*.py", "metric_*.py") for path in SCRIPTS.glob(kind)]
    for script in [*scripts, "init.py", "train.py", "encode.py"]:
        closure = codehash.import_closure(script)
        labels = {"sparse_topology/words.py", "sparse_topology/figures.py"}
        assert not labels & closure, script
        assert not [name for name in closure if name.startswith("sparse_topology/report/")], script


def test_the_tests_have_the_same_wings():
    folders = {path.parent.name for path in (REPO / "tests").glob("*/test_*.py")}
    assert folders == {*WINGS, "faults"}
