"""The estimate of the time that is left."""

import logging

import progress
import pytest
from snakemake_interface_logger_plugins.common import LogEvent


def step(estimate, done, total):
    record = logging.LogRecord("snakemake", logging.INFO, "", 0, None, None, None)
    record.event, record.done, record.total = LogEvent.PROGRESS, done, total
    assert estimate.filter(record)


def test_estimate_from_the_pace_so_far(monkeypatch):
    now, lines = [100.0], []
    monkeypatch.setattr(progress.logger, "info", lines.append)
    estimate = progress.Estimate(clock=lambda: now[0])
    now[0] += 5
    step(estimate, 1, 100)
    assert lines == []
    now[0] += 55
    step(estimate, 20, 100)
    assert lines == ["About 4 min left at the pace of the steps done so far."]
    step(estimate, 21, 100)
    assert len(lines) == 1
    now[0] += 100
    step(estimate, 100, 100)
    assert len(lines) == 1


@pytest.mark.parametrize(("seconds", "text"), [(40.2, "40 s"), (720, "12 min"), (12240, "3.4 h")])
def test_durations(seconds, text):
    assert progress.duration(seconds) == text
