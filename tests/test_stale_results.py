"""A run ends with 0 only where every result exists and belongs to the present config: on a finished small study, files
are lost, jobs of three stages fail, and the command is repeated. (tests/faults has every stage and kind of failure.)"""

import shutil

import pytest
from test_reruns import edit, planned

from helpers.small_study import CONFIG, clone, contents, snakemake

NETWORK = "networks/digits/conv_small/snip/0.9/0"
STAGES = {"metric": "metric_strength.py", "train_sparse": "train.py", "table": "table_accuracy.py"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = clone(tmp_path_factory.mktemp("study"))
    run = snakemake(folder)
    assert run.returncode == 0, run.stdout
    return folder


@pytest.fixture
def study(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copy", symlinks=True)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("data/digits/test_labels.npy", "dataset"),
        ("networks/digits/conv_small/geometry.npz", "geometry"),
        ("networks/digits/conv_small/init/0/model.pt", "init"),
        ("networks/digits/conv_small/dense/0/model.pt", "train_dense"),
        ("networks/digits/conv_small/dense/0/early.pt", "train_dense"),
        (f"{NETWORK}/mask.npz", "prune"),
        (f"{NETWORK}/model.pt", "train_sparse"),
        (f"{NETWORK}/training.json", "train_sparse"),
        (f"{NETWORK}/rolled/blocks.npz", "encode"),
        (f"{NETWORK}/metrics/strength.json", "metric"),
        ("topometrics.parquet", "pool"),
        ("layers.parquet", "pool"),
        ("tables/predictions.csv", "table_regression"),
        ("figures/scatter.svg", "figure"),
        ("manifest.json", "manifest"),
    ],
)
def test_a_file_that_is_gone_is_made_again(study, name, rule):
    (study / "results" / name).unlink()
    assert planned(study)[rule] >= 1


def test_edge_lists_may_be_deleted(study):
    """It reruns nothing, nor does a study that wants none; `edges` makes them again and leaves the rest alone."""
    lists = [path for name in ("edges", "nodes") for path in study.rglob(f"{name}.parquet")]
    assert len(lists) == 2 * 2 * 2
    before = {path: path.read_bytes() for path in lists}
    for path in lists:
        path.unlink()
    lists[0].write_bytes(before[lists[0]][:100])  # cut off: no job would notice
    run = snakemake(study, "--dry-run")
    assert run.returncode != 0
    said = (
        f"Error: {lists[0].relative_to(study)} is no whole Parquet file (its end is missing); delete it and run again"
    )
    assert said in run.stdout.splitlines()
    lists[0].unlink()
    assert planned(study) == {}
    run = snakemake(study, "--cores", "2", "edges")
    assert run.returncode == 0, run.stdout
    assert {path: path.read_bytes() for path in lists} == before
    assert set(planned(study)) == {"table_costs", "manifest", "report"}  # what encoding has cost now
    (study / "small.yaml").write_text(CONFIG.replace("options: {", "options: {mge: {parquet: false}, "))
    assert set(planned(study)) == {"table_costs", "manifest", "report"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_failed_run_is_not_followed_by_success_over_old_results(study, stage):
    """All jobs of a stage fail for a change of its code, twice; without the fault all is as before."""
    script, before = study / "workflow" / "scripts" / STAGES[stage], contents(study)
    text = script.read_text()
    edit(script, "if __name__ ==", 'raise SystemExit("broken on purpose")\n\n\nif __name__ ==')
    for _ in range(2):
        run = snakemake(study)
        assert run.returncode != 0
        assert "broken on purpose" in run.stdout
    script.write_text(text)
    run = snakemake(study)
    assert run.returncode == 0, run.stdout
    assert contents(study) == before
    assert planned(study) == {}


def test_the_page_is_never_newer_than_its_tables(study):
    """A setting of a metric changes and its jobs fail: the manifest and the page stay with what they describe."""
    results = study / "results"
    before = {name: (results / name).read_bytes() for name in ("manifest.json", "report.html")}
    (study / "small.yaml").write_text(CONFIG.replace("options: {", "options: {strength: {engine: igraph}, "))
    edit(study / "workflow/scripts/metric_strength.py", "if __name__ ==", "raise SystemExit(1)\n\n\nif __name__ ==")
    for _ in range(2):
        assert snakemake(study).returncode != 0
        assert {name: (results / name).read_bytes() for name in before} == before
