"""What Snakemake itself costs, beside its jobs and before them.

    python benchmarks/workflow.py [--cores 2] [--dry-run-only]

In a fresh clone of the last commit: the seconds to parse the workflow (every remote job repeats them); the seconds,
memory and number of jobs of two dry runs of config/paper.yaml, with `--quiet rules`, which prints the table of jobs,
and without, which describes each job; then the default study to its end: its wall seconds, the CPU seconds of its jobs
(from process start to exit) and of Snakemake, and the overhead: the wall time less the jobs' CPU time over the cores.
Last, all metrics of one network anew, each in a Snakemake of its own, as ten submissions to a cluster would make them,
and all in one, as one submission does.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
RUN = """
import json, resource, sys
from snakemake.cli import main
try:
    main(sys.argv[2:])
except SystemExit as end:
    code = end.code
own, jobs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
figures = {"own": own.ru_utime + own.ru_stime, "jobs": jobs.ru_utime + jobs.ru_stime, "peak": own.ru_maxrss / 1000}
open(sys.argv[1], "w").write(json.dumps(figures))
sys.exit(code)
"""


def snakemake(folder: Path, *arguments: str) -> dict:
    """Run Snakemake: its wall and CPU seconds, the CPU seconds of its jobs, its peak memory in MB, its log."""
    with tempfile.NamedTemporaryFile() as figures:
        start = time.perf_counter()
        run = subprocess.run(
            [sys.executable, "-c", RUN, figures.name, *arguments],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        wall = time.perf_counter() - start
        if run.returncode:
            sys.exit(run.stdout[-3000:])
        return {**json.load(figures), "wall": wall, "log": run.stdout}


def cpu(folder: Path, metrics: list[Path]) -> float:
    """CPU seconds of one Snakemake that makes these files anew, its jobs among them."""
    names = [str(metric.relative_to(folder)) for metric in metrics]
    run = snakemake(folder, "--cores", "1", "--force", "--allowed-rules", "metric", "--", *names)
    return run["own"] + run["jobs"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--dry-run-only", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(["git", "clone", "--quiet", REPOSITORY, folder], check=True)
        snakemake(folder, "--list-rules")  # the first one also fills caches
        start = min(snakemake(folder, "--version")["wall"] for _ in range(3))
        for config in ("config/config.yaml", "config/paper.yaml"):
            parsed = min(snakemake(folder, "--list-rules", "--configfile", config)["wall"] for _ in range(3))
            print(f"{config}: parsed in {parsed - start:.2f} s after {start:.2f} s of imports")
        for shown, quiet in (("--quiet rules", ["--quiet", "rules"]), ("each job listed", [])):
            dry = snakemake(folder, "--dry-run", "--configfile", "config/paper.yaml", *quiet)
            jobs = re.search(r"^total +(\d+)", dry["log"], re.MULTILINE)[1]
            print(
                f"dry run of config/paper.yaml, {shown}: {jobs} jobs, {dry['wall']:.0f} s, "
                f"{dry['own']:.0f} CPU s, {dry['peak']:.0f} MB"
            )
        if not options.dry_run_only:
            run = snakemake(folder, "--cores", str(options.cores))
            overhead = run["wall"] - run["jobs"] / options.cores
            print(
                f"default study on {options.cores} cores: {run['wall']:.0f} s, {run['jobs']:.0f} CPU s in jobs, "
                f"{run['own']:.0f} CPU s in Snakemake, overhead {overhead:.0f} s or {overhead / run['wall']:.0%}"
            )
            metrics = sorted(next(folder.glob("results/networks/*/*/*/*/*/metrics")).glob("*.json"))
            alone = [cpu(folder, [metric]) for metric in metrics]
            together = cpu(folder, metrics)
            print(
                f"{len(metrics)} metrics of one network: {sum(alone):.1f} CPU s in as many starts of Snakemake, "
                f"{together:.1f} in one: {sum(alone) / together:.1f} times"
            )


if __name__ == "__main__":
    main()
