"""A small real study in a clone of the repository, and what is compared between two of its results."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
CONFIG = """\
datasets: [digits]
architectures: [conv_small]
pruning: [snip, uniform]
sparsities: [0.9]
seeds: [0]
encodings: [mge, rolled]
metrics: [local, strength, density]
training: {digits: {epochs: 2, milestones: [1]}}
options: {regression: {repetitions: 2, bootstrap: 10}, ranking: {bootstrap: 10}}
"""
TIMES = {"seconds", "peak_memory_mb", "git", "date", "started", "finished"}


def clone(folder: Path, config: str = CONFIG) -> Path:
    """The repository as it stands, uncommitted changes included, with `small.yaml` beside the Snakefile."""
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPO, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in files:
        if (REPO / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPO / name, folder / name)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "clone"]):
        subprocess.run(
            ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", *command], cwd=folder, check=True
        )
    (folder / "small.yaml").write_text(config)
    return folder


def command(*arguments: str, config: str = "small.yaml") -> list[str]:
    return [sys.executable, "-m", "snakemake", *arguments, "--configfile", config]


def snakemake(folder: Path, *arguments: str, config: str = "small.yaml", timeout: int = 900, **options):
    """Run the workflow; returns the finished process with stdout and stderr in `.stdout`."""
    return subprocess.run(
        command(*(arguments or ("--cores", "2")), config=config),
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, **options,
    )  # fmt: skip


def default_study_is_finished(folder: Path) -> bool:
    """Whether `make quickstart` has nothing to do there."""
    if not (folder / "results" / "report.html").exists():
        return False
    return "Nothing to be done" in snakemake(folder, "--dry-run", config="config/config.yaml").stdout


def contents(folder: Path) -> dict[str, bytes]:
    """Every finished result by name, without what a run may change: durations, dates, the page that shows them."""
    found = {}
    for path in sorted((folder / "results").rglob("*")):
        name = str(path.relative_to(folder / "results"))
        if not path.is_file() or path.name.startswith(".") or name.split("/")[0] in ("logs", "benchmarks"):
            continue
        if path.name in ("costs.csv", "manifest.json", "report.html"):
            found[name] = b""
        elif path.suffix == ".json":
            found[name] = json.dumps(_without_times(json.loads(path.read_text()))).encode()
        else:
            found[name] = path.read_bytes()
    return found


def _without_times(value):
    if isinstance(value, dict):
        return {key: _without_times(entry) for key, entry in value.items() if key not in TIMES}
    return [_without_times(entry) for entry in value] if isinstance(value, list) else value
