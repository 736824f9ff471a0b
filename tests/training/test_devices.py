"""Jobs spread over the GPUs they may see, and a slot is free again when its process is gone, also a killed one."""

import os
import signal
import subprocess
import sys

import pytest
from conftest import REPO

from sparse_topology import devices

HOLD = """
import sys, time
from pathlib import Path
from sparse_topology import devices
print(devices.take(sys.argv[2:], Path(sys.argv[1]))[0], flush=True)
time.sleep(600)
"""


@pytest.fixture
def jobs(tmp_path):
    """Start a process that takes a GPU and keeps it: (process, GPU)."""
    running = []

    def start(*gpus: str):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path / "slots"), *gpus],
            stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(REPO / "workflow" / "scripts")},
        )  # fmt: skip
        running.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_the_least_used_gpu_first(jobs):
    taken = [jobs("0", "1", "2")[1] for _ in range(7)]
    assert taken == ["0", "1", "2", "0", "1", "2", "0"]


def test_the_slot_of_a_killed_job_is_free_again(jobs):
    first, second = jobs("0", "1")[0], jobs("0", "1")[0]
    jobs("0", "1")
    assert jobs("0", "1")[1] == "1"  # two each
    second.send_signal(signal.SIGKILL)
    second.wait()
    assert jobs("0", "1")[1] == "1"
    first.terminate()
    first.wait()
    assert jobs("0", "1")[1] == "0"


def test_equals_take_turns(jobs):
    """One job after the other: none is running when the next one starts."""
    taken = []
    for _ in range(4):
        process, gpu = jobs("0", "1")
        taken.append(gpu)
        process.kill()
        process.wait()
    assert taken == ["0", "1", "0", "1"]


def test_jobs_that_see_fewer_gpus_count_too(jobs):
    assert [jobs("1")[1], jobs("1")[1]] == ["1", "1"]
    assert [jobs("0", "1")[1] for _ in range(3)] == ["0", "0", "1"]


def test_jobs_that_start_together(tmp_path):
    """Eight at once over four GPUs: two each."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path / "slots"), "a", "b", "c", "d"],
            stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(REPO / "workflow" / "scripts")},
        )
        for _ in range(8)
    ]  # fmt: skip
    try:
        taken = [process.stdout.readline().strip() for process in processes]
        assert sorted(taken) == ["a", "a", "b", "b", "c", "c", "d", "d"]
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.parametrize(
    ("listed", "expected"), [("", []), ("1", ["1"]), ("GPU-8f, GPU-2a", ["GPU-8f", "GPU-2a"]), (None, ["0", "1"])]
)
def test_only_what_is_visible(monkeypatch, listed, expected):
    monkeypatch.setattr(devices.torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv(devices.VISIBLE, raising=False)
    if listed is not None:
        monkeypatch.setenv(devices.VISIBLE, listed)
    assert devices.visible_gpus() == expected


def test_the_process_sees_its_gpu_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(devices, "_held", [])
    monkeypatch.setenv(devices.VISIBLE, "4,7")
    devices.chosen_device()
    assert os.environ[devices.VISIBLE] == "4"
    devices.chosen_device()  # asked again, it is the same
    assert os.environ[devices.VISIBLE] == "4"
    os.close(devices._held[0])
