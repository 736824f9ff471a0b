"""The checks of benchmarks/large_graphs.py, on a small network."""

import re
import subprocess
import sys

from conftest import REPO

SMALL = ["resnet20", "--size", "16", "--sparsity", "0.98"]


def run(*command) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *command, *SMALL], capture_output=True, text=True, cwd=REPO / "benchmarks")


def test_counts_over_the_edge_list_agree_with_the_metrics():
    done = run("large_graphs.py")
    assert done.returncode == 0, done.stderr
    assert len(re.findall(": right$", done.stdout, re.M)) == 5
    assert "WRONG" not in done.stdout


def test_a_wrong_count_ends_with_1():
    done = run("-c", "import large_graphs; large_graphs.component_count = lambda graph: 0; large_graphs.main()")
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[-1].endswith("WRONG")
