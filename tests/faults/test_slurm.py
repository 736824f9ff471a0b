"""`snakemake --profile slurm` against a real Slurm on this machine."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from faults import slurm
from helpers.small_study import REPO, clone, command, contents, default_study_is_finished, snakemake

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(bool(slurm.missing()), reason=f"needs Slurm and munge; not installed: {slurm.missing()}"),
    pytest.mark.skipif(os.geteuid() != 0, reason="starting Slurm's daemons needs root"),
]
# This node has no accounting database, and the test need not wait for one.
HERE = ("--profile", "slurm", "--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1")
HERE += ("--latency-wait", "10", "--jobs", "60")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    try:
        with slurm.cluster(tmp_path_factory.mktemp("slurm")) as environment:
            yield environment
    except slurm.NotHere as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = clone(tmp_path_factory.mktemp("local"))
    run = snakemake(folder)
    assert run.returncode == 0, run.stdout
    return contents(folder)


def test_out_of_memory_is_retried_and_a_job_that_fails_for_good_stops_nothing_else(tmp_path, environment):
    """Pruning and training ask for so little memory that their first submission dies; one metric cannot succeed."""
    folder = clone(tmp_path)
    for stage in ("pruning", "training"):
        rules = folder / "workflow" / "rules" / f"{stage}.smk"
        assert "mem_mb=rising(4000)" in rules.read_text()
        rules.write_text(rules.read_text().replace("mem_mb=rising(4000)", "mem_mb=rising(600)"))
    script = folder / "workflow" / "scripts" / "metric_strength.py"
    text = script.read_text()
    failing = 'if "/snip/" in snakemake.output[0]:\n    raise SystemExit(3)\nif __name__'
    script.write_text(text.replace("if __name__", failing))
    run = snakemake(folder, *HERE, "--retries", "1", "--group-components", "graph=1", env=environment)
    assert run.returncode != 0
    networks = folder / "results" / "networks" / "digits" / "conv_small"
    assert "exceeded memory limit" in Path(environment["SLURMD_LOG"]).read_text(encoding="utf-8")
    assert "Trying to restart job" in run.stdout
    assert (networks / "uniform" / "0.9" / "0" / "training.json").exists()
    assert not (networks / "snip" / "0.9" / "0" / "metrics" / "strength.json").exists()
    assert (networks / "uniform" / "0.9" / "0" / "metrics" / "strength.json").exists()
    assert not (folder / "results" / "report.html").exists()
    script.write_text(text)
    run = snakemake(folder, *HERE, env=environment)
    assert run.returncode == 0, run.stdout
    assert (folder / "results" / "report.html").exists()


def test_cancelled_run_resumes(tmp_path, environment, finished):
    folder = clone(tmp_path)
    run = subprocess.Popen(
        command(*HERE),
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=heed_interrupts,
    )
    masks = folder / "results" / "networks"
    wait_until(lambda: any(masks.rglob("mask.npz")), 300)
    run.send_signal(signal.SIGINT)
    run.wait(120)
    wait_until(lambda: slurm.output(["squeue", "-h"], environment) == "", 60)
    again = snakemake(folder, *HERE, env=environment)
    assert again.returncode == 0, again.stdout
    assert contents(folder) == finished


def wait_until(holds, seconds):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def heed_interrupts():
    """A run of tests that was started in the background ignores SIGINT, and so would its children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_default_study_runs_through(tmp_path, environment):
    folder = clone(tmp_path)
    run = snakemake(folder, *HERE, config="config/config.yaml", env=environment, timeout=3600)
    assert run.returncode == 0, run.stdout[-5000:]
    assert (folder / "results" / "report.html").stat().st_size > 10_000
    if default_study_is_finished(REPO):
        found, local = contents(folder), contents(REPO)
        assert {name: local.get(name) for name in found} == found
