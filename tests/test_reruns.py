"""What a change reruns: real dry runs on a finished small study, whose job list is read."""

import json
import os
import re
import shutil
import subprocess

import pytest
import yaml

from helpers.small_study import CONFIG, clone, snakemake

ANALYSIS = ("pool", "table", "figure", "report", "manifest")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished study; the tests change copies of it."""
    folder = clone(tmp_path_factory.mktemp("study"))
    run = snakemake(folder)
    assert run.returncode == 0, run.stdout
    return folder


@pytest.fixture
def study(finished, tmp_path):
    """A copy with everything, time stamps included."""
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy, symlinks=True)
    return copy


def planned(folder) -> dict[str, int]:
    """{rule: jobs} of a dry run, without the target `all`."""
    run = snakemake(folder, "--dry-run")
    assert run.returncode == 0, run.stdout
    stats = re.search(r"Job stats:\n.*?\n-.*?\n(.*?)\ntotal", run.stdout, re.DOTALL)
    if stats is None:
        assert "Nothing to be done" in run.stdout, run.stdout
        return {}
    jobs = dict(line.split() for line in stats[1].splitlines())
    return {rule: int(count) for rule, count in jobs.items() if rule != "all"}


def training_and_graphs(jobs: dict[str, int]) -> dict[str, int]:
    """The jobs that are not the analysis of the pool."""
    return {rule: count for rule, count in jobs.items() if not rule.startswith(ANALYSIS)}


def edit(path, old: str, new: str):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def set_config(folder, **changes):
    config = yaml.safe_load(CONFIG)
    config.update(changes)
    (folder / "small.yaml").write_text(yaml.safe_dump(config))


SCRIPTS = "workflow/scripts"


def test_nothing_to_do_when_finished(study):
    assert planned(study) == {}


def test_a_page_is_kept_when_another_study_replaces_it_and_not_before(study):
    shutil.copy(study / "small.yaml", study / "other.yaml")
    other = study / "results" / "other"
    (study / "results" / "data" / "digits" / "test_labels.npy").unlink()
    run = snakemake(study, "results/data/digits/test_labels.npy", "--cores", "1", config="other.yaml")
    assert run.returncode == 0, run.stdout
    assert not other.exists()
    page = (study / "results" / "report.html").read_bytes()
    run = snakemake(study, "results/report.html", "--cores", "2", config="other.yaml")
    assert run.returncode == 0, run.stdout
    assert (other / "small" / "report.html").read_bytes() == page


def test_touch_everything(study):
    big = study / "results" / "data" / "digits" / "train_images.npy"
    assert big.exists()
    for path in study.rglob("*"):
        if path.is_file() and ".git/" not in str(path) and ".snakemake/" not in str(path):
            os.utime(path)
    assert planned(study) == {}


def test_clone_with_results_copied(study, tmp_path):
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "-q", study, other], check=True)
    shutil.copy(study / "small.yaml", other)
    shutil.copytree(study / "results", other / "results")
    shutil.copytree(study / ".snakemake", other / ".snakemake")
    assert planned(other) == {}


def test_comment_docstring_format_and_commit(study):
    for name in ("train.py", "sparse_topology/files.py", "metric_strength.py"):
        path = study / SCRIPTS / name
        path.write_text(path.read_text().replace('"""', '"""Reworded. ', 1) + "\n\n# A comment.\n")
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qam", "words"], cwd=study)
    assert planned(study) == {}


def test_pruning_algorithm(study):
    with (study / SCRIPTS / "prune_snip.py").open("a") as file:
        file.write("\nCHANGED = 1\n")
    jobs = training_and_graphs(planned(study))
    assert jobs == {"prune": 1, "train_sparse": 1, "encode": 1, "metric": 3}


def test_metric(study):
    with (study / SCRIPTS / "metric_strength.py").open("a") as file:
        file.write("\nCHANGED = 1\n")
    jobs = planned(study)
    assert training_and_graphs(jobs) == {"metric": 2}
    assert jobs["pool"] == 1


def test_module_shared_by_metrics_is_not_training(study):
    with (study / SCRIPTS / "sparse_topology" / "metrics" / "measure.py").open("a") as file:
        file.write("\nCHANGED = 1\n")
    jobs = training_and_graphs(planned(study))
    assert jobs == {"metric": 6}


def test_setting_of_a_metric(study):
    set_config(study, options={**yaml.safe_load(CONFIG)["options"], "strength": {"engine": "igraph"}})
    assert training_and_graphs(planned(study)) == {"metric": 2}


def test_swapped_values(study):
    config = yaml.safe_load(CONFIG)
    config["pruning"].reverse()
    config["metrics"].reverse()
    set_config(study, **config)
    assert training_and_graphs(planned(study)) == {}


def test_swapped_settings_of_training(study):
    """Two values that change places are a change, although the set of values stays the same."""
    recipe = {"epochs": 2, "milestones": [1], "learning_rate": 0.0001, "weight_decay": 0.1}
    set_config(study, training={"digits": recipe})
    jobs = training_and_graphs(planned(study))
    assert jobs["train_sparse"] == 2
    assert jobs["train_dense"] == 1
    assert "prune" not in jobs


def test_what_changes_no_result_reruns_nothing(study):
    """Other places and other spellings of the same settings."""
    config = yaml.safe_load(CONFIG)
    config["data_dir"] = "./elsewhere"
    config["training"]["digits"] = {"epochs": 2.0, "milestones": [1.0], "momentum": 0.9}
    config["seeds"] = [0.0]
    config["options"] |= {
        "strength": {"engine": "structured"},
        "grasp": {"reinit": "all"},
        "mge": {"identity_shortcuts": "ignore"},
    }
    set_config(study, **config)
    assert planned(study) == {}


def test_an_encoding_that_is_dropped_and_taken_back(study):
    """Dropping one changes tables alone; taken back after its metric has changed, it is measured with the new code."""
    results = study / "results" / "networks" / "digits" / "conv_small" / "snip" / "0.9" / "0"
    set_config(study, encodings=["rolled"], metrics=["strength", "density"])
    jobs = planned(study)
    assert training_and_graphs(jobs) == {}
    assert jobs["pool"] == 1
    assert snakemake(study).returncode == 0
    set_config(study)
    assert training_and_graphs(planned(study)) == {}  # measured before, and neither code nor graphs have changed
    (results / "mge" / "blocks.npz").unlink()  # now the graph cannot be measured again without encoding it
    set_config(study, encodings=["rolled"], metrics=["strength", "density"])
    edit(study / SCRIPTS / "metric_strength.py", "if __name__ ==", "CHANGED = 1\n\n\nif __name__ ==")
    assert snakemake(study).returncode == 0
    assert list(json.loads((results / "metrics" / "strength.json").read_text())["encodings"]) == ["rolled"]
    set_config(study)
    assert training_and_graphs(planned(study))["metric"] >= 1
    assert snakemake(study).returncode == 0
    assert list(json.loads((results / "metrics" / "strength.json").read_text())["encodings"]) == ["mge", "rolled"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"metrics": ["local", "strength", "density", "components"]}, {"metric": 2}),
        ({"pruning": ["snip", "uniform", "erk"]}, {"prune": 1, "train_sparse": 1, "encode": 1, "metric": 3}),
        ({"pruning": ["snip", "uniform", "set"]}, {"sparsify": 1, "encode": 1, "metric": 3}),
        (
            {"seeds": [0, 1]},
            {"init": 1, "train_dense": 1, "prune": 2, "train_sparse": 2, "encode": 2, "metric": 6},
        ),
        (
            {"architectures": ["conv_small", "resnet_small"]},
            {"geometry": 1, "init": 1, "train_dense": 1, "prune": 2, "train_sparse": 2, "encode": 2, "metric": 6},
        ),
    ],
)
def test_additions_run_only_what_is_new(study, changes, expected):
    set_config(study, **changes)
    jobs = planned(study)
    assert training_and_graphs(jobs) == expected
    assert jobs["pool"] == 1


@pytest.mark.parametrize("changes", [{"metrics": ["local", "density"]}, {"pruning": ["uniform"]}])
def test_removals_run_only_the_tables(study, changes):
    set_config(study, **changes)
    jobs = planned(study)
    assert training_and_graphs(jobs) == {}
    assert jobs["pool"] == 1


def test_order_of_keys(study):
    config = yaml.safe_load(CONFIG)
    (study / "small.yaml").write_text(yaml.safe_dump(dict(reversed(config.items())), sort_keys=False))
    assert planned(study) == {}


def test_results_may_be_in_another_folder(study, tmp_path):
    """With --directory they are looked for there; only the page's captions then have another path."""
    shutil.move(study / "results", tmp_path / "results")
    shutil.move(study / ".snakemake", tmp_path / ".snakemake")
    run = snakemake(study, "--cores", "1", "--directory", str(tmp_path))
    assert run.returncode == 0, run.stdout
    assert set(re.findall(r"^(?:local)?rule (\w+):", run.stdout, re.MULTILINE)) <= {"report", "all"}
    assert not (study / "results").exists()
