"""Nothing lost, nothing half-written: SIGKILL at random moments, a full disk, a read-only folder, two runs at once."""

import os
import random
import signal
import subprocess
import time

import pytest

from helpers.small_study import clone, command, contents, snakemake

pytestmark = pytest.mark.faults
KILLS = 20


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """An uninterrupted run's results."""
    folder = clone(tmp_path_factory.mktemp("reference"))
    run = snakemake(folder)
    assert run.returncode == 0, run.stdout
    return contents(folder)


def check_partial(folder, finished):
    """Whatever lies under a final name is exactly what an uninterrupted run makes."""
    for name, content in contents(folder).items():
        assert content == finished[name], f"{name} is half-written or differs"


def test_killed_at_random_moments(tmp_path, finished):
    folder = clone(tmp_path)
    moments = random.Random(0)
    killed = 0
    while killed < KILLS:
        run = subprocess.Popen(
            command("--cores", "2"), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        time.sleep(moments.uniform(1.5, 6))
        if run.poll() is not None:
            # It finished before it could be killed: take some results away and go on.
            for name in moments.sample(sorted(finished), 8):
                (folder / "results" / name).unlink(missing_ok=True)
            continue
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        killed += 1
        check_partial(folder, finished)
        assert snakemake(folder, "--unlock").returncode == 0
    run = snakemake(folder)
    assert run.returncode == 0, run.stdout
    assert contents(folder) == finished


@pytest.fixture
def small_disk(tmp_path):
    """A clone whose results folder is a tmpfs of 1 MB."""
    folder = clone(tmp_path)
    results = folder / "results"
    results.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", results], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a tmpfs needs root")
    yield folder
    subprocess.run(["umount", "-l", results], check=True)


def test_full_disk_then_space(small_disk, finished):
    run = snakemake(small_disk)
    assert run.returncode != 0
    assert "No space left on device" in run.stdout
    check_partial(small_disk, finished)
    subprocess.run(["mount", "-o", "remount,size=1g", small_disk / "results"], check=True)
    run = snakemake(small_disk)
    assert run.returncode == 0, run.stdout
    assert contents(small_disk) == finished


def test_read_only_results_then_writable(small_disk, finished):
    results = small_disk / "results"
    subprocess.run(["mount", "-o", "remount,size=1g,ro", results], check=True)
    run = snakemake(small_disk)
    assert run.returncode != 0
    assert "Read-only file system" in run.stdout
    subprocess.run(["mount", "-o", "remount,rw", results], check=True)
    run = snakemake(small_disk)
    assert run.returncode == 0, run.stdout
    assert contents(small_disk) == finished


def test_second_run_in_one_folder_is_told_so(tmp_path):
    folder = clone(tmp_path)
    first = subprocess.Popen(
        command("--cores", "1"), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not any((folder / ".snakemake" / "locks").glob("*.output.lock")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        second = snakemake(folder, "--cores", "1")
        assert second.returncode != 0
        assert "cannot be locked" in second.stdout
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
