"""Paths that several tests use, and the count of what was skipped where nothing may be."""

import os
import re
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent
SHARED = REPO.parent / "shared"


@pytest.fixture(scope="session")
def released():
    """(folder, files) of the authors' released results: graph_metrics/ and ramanunjan_results/."""
    from helpers.released import released_files

    return released_files()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """Fail where a test was skipped for a reason that matches MUST_NOT_SKIP: for a program that CI has installed."""
    pattern, reporter = os.environ.get("MUST_NOT_SKIP"), session.config.pluginmanager.get_plugin("terminalreporter")
    if pattern and reporter:
        reasons = [str(report.longrepr) for report in reporter.stats.get("skipped", [])]
        if found := [reason for reason in reasons if re.search(pattern, reason)]:
            reporter.write_line(f"\n{len(found)} tests were skipped that had to run; the first: {found[0]}", red=True)
            session.exitstatus = 1
