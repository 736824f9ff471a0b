"""The estimate of the time that is left, and the command that repeats a failed job."""

import logging
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import progress
import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from helpers.small_study import clone, snakemake


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
