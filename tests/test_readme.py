"""The README's table of the paper names files that exist, its links lead somewhere, its dry run shows the jobs."""

import re
import subprocess
import sys

from conftest import REPO

from helpers.small_study import clone

README = (REPO / "README.md").read_text()


def test_files_of_the_paper_exist():
    table = README[README.index("## Where to find") : README.index("## Exact metrics")]
    names = [name for row in re.findall(r"^\|.*\| (.+) \|$", table, re.M) for name in re.findall(r"`([^`]+)`", row)]
    assert len(names) > 35
    assert not [name for name in names if not (REPO / "workflow" / "scripts" / name).exists()]


def test_links_lead_to_files():
    for page in (
        "README.md",
        "CONTRIBUTING.md",
        "config/README.md",
        *sorted(f"docs/{p.name}" for p in (REPO / "docs").glob("*.md")),
    ):
        text = (REPO / page).read_text()
        for link in re.findall(r"\]\(([^)#]+)\)", text):
            if not link.startswith("http"):
                assert ((REPO / page).parent / link).exists(), f"{page}: {link}"


def test_the_dry_run_prints_the_table_of_jobs(tmp_path):
    (command,) = re.findall(r"^    snakemake (.* --dry-run .*?)  +#", README, re.M)
    arguments = command.replace("config/paper.yaml", "config/config.yaml").split()
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", *arguments], cwd=clone(tmp_path), capture_output=True, text=True
    )
    assert re.search(r"^total +\d\d\d", run.stdout + run.stderr, re.M), run.stderr
    assert "rule train_sparse:" not in run.stdout + run.stderr
