"""Snakemake's limit of the jobs that it starts in a second: the default one costs more than it is worth."""

import sys

import pytest

from helpers.small_study import clone, snakemake


@pytest.mark.parametrize(("asked", "free"), [([], sys.maxsize), (["--max-jobs-per-timespan", "7/1s"], 7)])
def test_only_a_limit_that_was_asked_for_holds(tmp_path, asked, free):
    clone(tmp_path)
    run = snakemake(tmp_path, "results/data/digits/test_labels.npy", "--cores", "1", "--verbose", *asked)
    assert run.returncode == 0, run.stdout
    (after,) = [line for line in run.stdout.splitlines() if line.startswith("Resources after job selection")]
    assert f"'_job_count': {free}" in after
