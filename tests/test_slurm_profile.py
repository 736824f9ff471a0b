"""slurm/config.yaml: a second partition for GPUs is one edit, and the submissions are as many as it says."""

import re
from collections import Counter

import pytest
from conftest import REPO
from test_rules import RULES

from helpers.small_study import CONFIG, clone, snakemake

PROFILE = (REPO / "slurm" / "config.yaml").read_text()
ON_GPU = {"prune", "train_dense", "train_sparse", "sparsify", "control_shuffled"}


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """The lines of a dry run with a partition, model and run time for GPUs alone; 24 networks, six of them controls."""
    folder = clone(tmp_path_factory.mktemp("slurm"), CONFIG.replace("[0.9]", "[0.5, 0.6, 0.7, 0.8, 0.9, 0.95]"))
    (folder / "small.yaml").write_text(
        (folder / "small.yaml").read_text().replace("[snip, uniform]", "[snip, rigl, uniform, uniform_shuffled]")
    )
    edited = re.sub(r"^    # (slurm_partition|gpu_model|runtime): (.+?)  +#", r"    \1: \2  #", PROFILE, flags=re.M)
    assert edited.count("\n    runtime: 240 * attempt") == edited.count("\n    gpu_model: a100") == 1
    (folder / "slurm" / "config.yaml").write_text(edited)
    run = snakemake(folder, "--profile", "slurm", "--dry-run")
    assert run.returncode == 0, run.stdout
    return run.stdout.splitlines()


def test_what_prunes_or_trains_goes_to_its_own_partition(planned):
    rule, found = None, {}
    for line in planned:
        if match := re.match(r" *(?:local)?rule (\w+):", line):
            rule = match[1]
        if "resources: " in line:
            found.setdefault(rule, set()).add("slurm_partition=gpu, " in line and "gpu_model=a100" in line)
            assert ("runtime=240," in line) == (rule in ON_GPU), line
    assert {rule for rule, on_gpu in found.items() if on_gpu == {True}} == ON_GPU
    assert all(len(values) == 1 for values in found.values())


def test_submissions(planned):
    groups = Counter(re.findall(r"Group job (\w+)", "\n".join(planned)))
    assert groups == {"network": 12, "graph": 2, "analysis": 10}  # a shuffled mask goes with the one that it shuffles


@pytest.mark.parametrize("rule", ["dataset", "published_download"])
def test_what_needs_the_internet_runs_where_the_command_runs(rule):
    """(A dry run does not say so.)"""
    assert "    localrule: True\n" in RULES[rule][1]


def test_the_containerfile_installs_the_lock():
    text = (REPO / "Containerfile").read_text()
    assert "COPY requirements.lock" in text
    assert re.search(r"^FROM \S*python:3\.1[123]\b", text, re.M)
