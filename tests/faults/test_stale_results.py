"""A run ends with 0 only where every result exists and belongs to the present config and code: every stage fails in
every way, and a random walk of changed settings, lost files, failures and kills, held against fresh folders."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from test_reruns import planned

from helpers.small_study import CONFIG, clone, command, contents, snakemake

pytestmark = pytest.mark.faults
KINDS = ("error", "killed", "late")  # before it does anything, by SIGKILL, after it wrote its outputs
SCRIPTS = {
    "dataset": "dataset_digits.py",
    "geometry": "geometry.py",
    "init": "init.py",
    "prune": "prune_snip.py",
    "train": "train.py",
    "encode": "encode.py",
    "metric": "metric_strength.py",
    "pool": "pool.py",
    "table": "table_regression.py",
    "costs": "table_costs.py",
    "figure": "figure_layers.py",
    "manifest": "manifest.py",
    "report": "report.py",
}
SMALLEST = CONFIG.replace("[snip, uniform]", "[snip]").replace("[local, strength, density]", "[strength, density]")
# Two settings, of a metric and of the training, that a walk changes.
ENGINES, EPOCHS = ("structured", "igraph"), (1, 2)


def config_of(engine: str, epochs: int) -> str:
    config = yaml.safe_load(SMALLEST)
    config["options"]["strength"] = {"engine": engine}
    config["training"]["digits"]["epochs"] = epochs
    return yaml.safe_dump(config)


def faulty(script: str, kind: str) -> dict:
    """The environment in which the jobs of a script fail."""
    return os.environ | {"PYTHONPATH": str(Path(__file__).parent / "inject"), "FAULT": f"{script}:{kind}"}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """(engine, epochs) -> the results that a fresh folder ends with."""
    known = {}

    def results(engine: str, epochs: int) -> dict[str, bytes]:
        if (engine, epochs) not in known:
            folder = clone(tmp_path_factory.mktemp("fresh"), config_of(engine, epochs))
            run = snakemake(folder)
            assert run.returncode == 0, run.stdout
            known[engine, epochs] = contents(folder)
        return known[engine, epochs]

    return results


def test_every_stage_fails_in_every_way(tmp_path):
    """In the order in which data flows, a stage's code is edited and its jobs fail, in each way in turn, while what
    failed before it is mended and runs; at the end all is as it was."""
    study = clone(tmp_path, SMALLEST)
    run = snakemake(study)
    assert run.returncode == 0, run.stdout
    before = contents(study)
    for stage, name in SCRIPTS.items():
        script = study / "workflow" / "scripts" / name
        text = script.read_text()
        script.write_text(text + "\n\nCHANGED = 1\n")
        for kind in KINDS:
            run = snakemake(study, env=faulty(name, kind))
            assert run.returncode != 0, (stage, kind)
            assert all(before[name] == content for name, content in contents(study).items()), (stage, kind)
        script.write_text(text)
    run = snakemake(study)
    assert run.returncode == 0, run.stdout
    assert contents(study) == before
    assert planned(study) == {}


class Walk(RuleBasedStateMachine):
    """What a user and a machine do to a study, in any order."""

    def __init__(self, tmp_path_factory, fresh):
        super().__init__()
        self.make, self.fresh = tmp_path_factory, fresh

    @initialize()
    def start(self):
        self.setting = ["structured", 2]
        self.folder = clone(self.make.mktemp("walk"), config_of(*self.setting))
        self.run()

    def run(self):
        run = snakemake(self.folder)
        assert run.returncode == 0, run.stdout
        found, expected = contents(self.folder), self.fresh(*self.setting)
        assert {name: found.get(name) for name in expected} == expected
        manifest = json.loads((self.folder / "results" / "manifest.json").read_text())["config"]
        assert [manifest["options"]["strength"]["engine"], manifest["training"]["digits"]["epochs"]] == self.setting
        assert planned(self.folder) == {}

    @rule(engine=st.sampled_from(ENGINES), epochs=st.sampled_from(EPOCHS))
    def change_settings(self, engine, epochs):
        self.setting = [engine, epochs]
        (self.folder / "small.yaml").write_text(config_of(engine, epochs))

    @rule(seed=st.integers(0, 1000))
    def lose_a_file(self, seed):
        files = sorted(name for name in contents(self.folder) if not name.endswith(("edges.parquet", "nodes.parquet")))
        if files:
            (self.folder / "results" / random.Random(seed).choice(files)).unlink()

    @rule(script=st.sampled_from(sorted(SCRIPTS.values())), kind=st.sampled_from(KINDS))
    def run_with_a_fault(self, script, kind):
        """Whether its jobs had anything to do or not: success is success with all results."""
        if snakemake(self.folder, env=faulty(script, kind)).returncode == 0:
            self.run()

    @rule(seconds=st.floats(1, 12), how=st.sampled_from([signal.SIGKILL, signal.SIGINT]))
    def stop(self, seconds, how):
        run = subprocess.Popen(
            command("--cores", "2"), cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        time.sleep(seconds)
        if run.poll() is None:
            os.killpg(run.pid, how)
        run.wait()
        snakemake(self.folder, "--unlock")

    @rule()
    def run_to_the_end(self):
        self.run()

    def teardown(self):
        if hasattr(self, "folder"):
            self.run()


def test_random_walk(tmp_path_factory, fresh):
    run_state_machine_as_test(
        lambda: Walk(tmp_path_factory, fresh),
        settings=settings(max_examples=2, stateful_step_count=6, deadline=None, derandomize=True, database=None),
    )


def test_external_weights_that_turn_bad_or_are_replaced_by_older_ones(tmp_path):
    """Content decides: garbage fails as often as it is tried, another network's table is that network's."""
    import torch

    from sparse_topology.networks.architectures import load

    folder = clone(
        tmp_path,
        SMALLEST + "external: {mine: {architecture: conv_small, classes: 10, input: [1, 8, 8], weights: w.pt}}\n",
    )
    weights, table = folder / "w.pt", folder / "results" / "external" / "mine" / "topometrics.csv"

    def network(seed: int, share: float) -> bytes:
        torch.manual_seed(seed)
        state = load("conv_small")(10, 1).state_dict()
        state = {k: v * (torch.rand_like(v) < share) if v.dim() > 1 else v for k, v in state.items()}
        torch.save(state, weights)
        return weights.read_bytes()

    def run():
        return snakemake(folder, "--cores", "2", "external")

    first = network(0, 0.5)
    assert run().returncode == 0
    made = table.read_bytes()
    weights.write_bytes(b"garbage")
    for _ in range(2):
        assert run().returncode != 0
    weights.write_bytes(first)
    assert run().returncode == 0
    assert table.read_bytes() == made
    network(1, 0.2)
    os.utime(weights, (1e9, 1e9))
    assert run().returncode == 0
    assert table.read_bytes() != made


@pytest.mark.parametrize(("method", "stage"), [("mixture", "metric_local.py"), ("paths", "prune_snip.py")])
def test_rank_fails_as_long_as_what_its_method_reads_does(tmp_path, method, stage):
    rank = {"architecture": "conv_small", "dataset": "digits", "sparsity": 0.9, "method": method}
    folder = clone(tmp_path, SMALLEST + yaml.safe_dump({"rank": rank}))
    (folder / "small.yaml").write_text((folder / "small.yaml").read_text().replace("density]", "density, local]"))
    assert snakemake(folder, "--cores", "2", "rank").returncode == 0
    recommendation = (folder / "results" / "rank" / "recommendation.txt").read_bytes()
    script = folder / "workflow" / "scripts" / stage
    text = script.read_text()
    script.write_text(text + "\n\nCHANGED = 1\n")
    for _ in range(2):
        assert snakemake(folder, "--cores", "2", "rank", env=faulty(stage, "error")).returncode != 0
    script.write_text(text)
    assert snakemake(folder, "--cores", "2", "rank").returncode == 0
    assert (folder / "results" / "rank" / "recommendation.txt").read_bytes() == recommendation
