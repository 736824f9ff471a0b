"""The estimate of the time that is left, and the command that repeats a failed job."""

import logging
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import progress
import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from helpers.small_study import clone, command, snakemake


def step(estimate, done, total):
    record = logging.LogRecord("snakemake", logging.INFO, "", 0, None, None, None)
    record.event, record.done, record.total = LogEvent.PROGRESS, done, total
    assert estimate.filter(record)


def test_estimate_from_the_pace_so_far(monkeypatch):
    now, lines = [100.0], []
    monkeypatch.setattr(progress.logger, "info", lines.append)
    estimate = progress.Progress(clock=lambda: now[0])
    now[0] += 5
    step(estimate, 1, 100)
    assert lines == []
    now[0] += 55
    step(estimate, 20, 100)
    assert lines == ["About 0:04:00 left at the pace of the steps done so far."]
    step(estimate, 21, 100)
    assert len(lines) == 1
    now[0] += 100
    step(estimate, 100, 100)
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("directory", "command"),
    [
        (None, "snakemake --cores 1 --configfile my.yaml --config seeds=[1]"),
        ("../scratch", "snakemake --cores 1 --directory ../scratch --configfile {here}/my.yaml --config seeds=[1]"),
    ],
)
def test_repeating_command_has_the_same_settings(monkeypatch, directory, command):
    added = []
    monkeypatch.setattr(progress.logger, "addFilter", added.append)
    settings = SimpleNamespace(configfiles=[Path.cwd() / "my.yaml"], config_args=["seeds=[1]"])
    progress.show_progress(settings, directory)
    expected = command.format(here=Path.cwd())
    assert shlex.split(added[0].snakemake) == expected.split()


def test_a_failed_job_says_how_to_repeat_just_it(tmp_path):
    folder = clone(tmp_path)
    script = folder / "workflow" / "scripts" / "dataset_digits.py"
    text = script.read_text()
    script.write_text("raise SystemExit('no digits today')\n" + text)
    run = snakemake(folder)
    assert run.returncode != 0
    assert "no digits today" in run.stdout
    (command,) = {line.partition("repeat it: ")[2] for line in run.stdout.splitlines() if "repeat it: " in line}
    assert command.startswith("snakemake --cores 1 --configfile small.yaml -- results/data/digits/")
    script.write_text(text)
    again = subprocess.run([sys.executable, "-m", *shlex.split(command)], cwd=folder, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert (folder / shlex.split(command)[-1]).is_file()
    assert not (folder / "results" / "networks").exists()


def test_a_stopped_run_says_so_and_nothing_else(tmp_path):
    """Ctrl-C, which the terminal sends to all processes of the run at once."""
    clone(tmp_path)
    log = tmp_path / "run.log"
    with open(log, "wb") as output:
        run = subprocess.Popen(
            command("--cores", "2"), cwd=tmp_path, stdout=output, stderr=output, start_new_session=True
        )
    while "rule init:" not in log.read_text():
        assert run.poll() is None
        time.sleep(0.1)
    time.sleep(1.5)  # in the middle of its imports, where no code of the script can catch anything
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait(60) != 0
    said = log.read_text()
    assert said.count("Terminating processes on user request") == 1
    for word in ("Traceback", "KeyboardInterrupt", "Error"):
        assert word not in said
