"""`snakemake --profile slurm` against a real Slurm on this machine."""

import os
import signal
import subprocess
import time

import pytest
from small_study import clone, command, contents, snakemake

from faults import slurm

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
    with slurm.cluster(tmp_path_factory.mktemp("slurm")) as environment:
        yield environment


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = clone(tmp_path_factory.mktemp("local"))
    run = snakemake(folder)
    assert run.returncode == 0, run.stdout
    return contents(folder)


def test_small_study_gives_the_same_results(tmp_path, environment, finished):
    folder = clone(tmp_path)
    run = snakemake(folder, *HERE, env=environment)
    assert run.returncode == 0, run.stdout
    assert "slurm" in run.stdout.lower()
    assert contents(folder) == finished


def test_out_of_memory_is_retried_with_more(tmp_path, environment):
    """The request of one rule is set so low that its first submission dies; the second asks for twice as much."""
    folder = clone(tmp_path)
    rules = folder / "workflow" / "rules" / "train.smk"
    text = rules.read_text()
    head, rule, tail = text.partition("rule train_sparse:")
    assert "mem_mb=rising(4000)" in tail
    rules.write_text(head + rule + tail.replace("mem_mb=rising(4000)", "mem_mb=rising(450)", 1))
    target = "results/networks/digits/conv_small/uniform/0.9/0/training.json"
    run = snakemake(folder, *HERE, target, env=environment)
    assert run.returncode == 0, run.stdout
    assert "Trying to restart job" in run.stdout
    assert (folder / target).exists()


def test_one_job_fails_for_good_and_the_rest_completes(tmp_path, environment):
    folder = clone(tmp_path)
    script = folder / "workflow" / "scripts" / "metric_strength.py"
    text = script.read_text()
    failing = 'if "/snip/" in snakemake.output[0]:\n    raise SystemExit(3)\nif __name__'
    script.write_text(text.replace("if __name__", failing))
    run = snakemake(folder, *HERE, "--retries", "1", env=environment)
    assert run.returncode != 0
    results = folder / "results" / "networks" / "digits" / "conv_small"
    assert not (results / "snip" / "0.9" / "0" / "metrics" / "strength.json").exists()
    assert (results / "uniform" / "0.9" / "0" / "metrics" / "strength.json").exists()
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
    run = snakemake(folder, *HERE, config="config/config.yaml", env=environment, timeout=2400)
    assert run.returncode == 0, run.stdout[-5000:]
    assert (folder / "results" / "report.html").stat().st_size > 10_000
