"""The authors' data in the pool schema, and the paper's tables from it (tests/helpers/released.py has them)."""

import gzip
import hashlib
from pathlib import Path

import findings
import numpy as np
import pandas as pd
import published_download
import published_pool
import pytest
import rank_evaluate
import rank_importance
import rank_parameters
import table_accuracy
import table_families
import table_layers
import table_paper_comparison
import table_ranking
import table_redundancy
import table_regression
from conftest import REPO

from helpers.benchmark import benchmark
from helpers.released import released_files
from helpers.synthetic_pool import DIVISORS, WEIGHTED
from helpers.web import serving
from sparse_topology.analysis.design import LAYER_SCORES, TASK
from sparse_topology.analysis.pool import NETWORK, scenarios, topometrics
from sparse_topology.data import downloads
from sparse_topology.job import InputError

RESOURCES = REPO / "workflow" / "resources"
CFG = {"divisors": DIVISORS, "path_score": RESOURCES / "path-score.csv"}


@pytest.fixture(scope="module")
def paths(released, tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    outputs = [folder / f"{name}.parquet" for name in ("topometrics", "layers", "release")]
    published_pool.main(released[1], RESOURCES / "paper-accuracy.csv", *outputs, CFG)
    return outputs


@pytest.fixture(scope="module")
def pool(paths):
    return pd.read_parquet(paths[0])


def test_scope_duplicates_and_gaps(pool):
    rows = pool[pool["encoding"] == "mge"]
    assert len(rows) == 1251
    assert not rows.duplicated(NETWORK).any()
    assert rows.groupby("sparsity").size().tolist() == [248, 250, 251, 252, 250]
    assert len(pool.drop_duplicates(NETWORK)) == 1258
    assert rows["collapsed"].sum() == rows["sink"].isna().sum() == 4
    assert set(pool["pruning"]) == set(published_pool.ALGORITHMS)
    assert len(topometrics(pool, "mge")) == 16
    assert len(topometrics(pool, "rolled")) == len(topometrics(pool, "rolled_channel")) == 10


def test_networks_carry_the_scores_of_their_layers(pool, paths):
    assert pool[LAYER_SCORES].notna().all(axis=None)
    layers = pd.read_parquet(paths[1])
    sums = np.log((layers["kept"] + 1) / (layers["weights"] + 1)).groupby([layers[c] for c in NETWORK]).sum()
    mge = pool[pool["encoding"] == "mge"].set_index(NETWORK).sort_index()
    np.testing.assert_allclose(mge["log_density_sum"], sums.loc[mge.index])
    order = mge.groupby(TASK)[["path_score", "drop"]].corr("spearman")["drop"].xs("path_score", level=-1)
    assert order.median() > 0.7


def test_r_in_and_r_out_are_the_right_way_round(pool):
    """Without sink nodes no edge can end in one."""
    rows = pool[pool["encoding"] == "mge"]
    assert (rows.loc[rows["sink"] == 0, "r_in"] == 0).all()
    assert (rows.loc[rows["source"] == 0, "r_out"] == 0).all()
    assert (rows["sink"] == 0).any()


def test_identities_of_the_normalisation(pool):
    rows = pool[pool["encoding"] == "mge"]
    np.testing.assert_allclose(rows["n1"], (1 + rows["edges"] / rows["nodes"]) / rows["edges"], rtol=1e-9)
    np.testing.assert_allclose(rows["raw_sink"], (rows["raw_sink"]).round(), atol=1e-3)
    np.testing.assert_allclose(rows["component_size"], 1 / rows["components"], rtol=1e-9)


def test_layers_carry_density_and_no_infinities(paths):
    layers = pd.read_parquet(paths[1])
    assert len(layers) == 29559
    np.testing.assert_allclose(layers["layer_density"], layers["kept"] / layers["weights"], atol=1e-6)
    assert not np.isinf(layers[["delta_r", "delta_r_imdb", "lambda_imsg"]]).to_numpy().any()


def test_layer_metrics_follow_density_as_in_figure_5(paths):
    table = table_layers.layer_correlation(pd.read_parquet(paths[1]))
    medians = table[table["dataset"] == "cifar10"].groupby("metric")["r"].median()
    assert medians["delta_r"] > 0.9
    assert medians["delta_r_imdb"] > 0.9
    assert medians["lambda_imsg"] < medians["delta_r_imdb"]


def test_plain_and_gzipped_files_read_alike(released, tmp_path):
    name = "rolled-CIFAR-10-CONV-6.csv"
    names = ["unrolled/unrolled.csv", f"rolled/{name}", f"CONV-6/{name}"]
    forms = {"plain": [], "gzipped": []}
    for path in (path for path in released[1] if any(f"/{name}" in str(path) for name in names)):
        frame = pd.read_csv(path)
        # What the full release also holds: other architectures and algorithms.
        other = frame.iloc[:3].assign(**({"pruning": "rigl"} if "pruning" in frame else {"model": "MobileNetV2"}))
        more = pd.concat([frame, other]) if "unrolled" in path.name else frame
        for form, suffix, content in (("plain", "", more), ("gzipped", ".gz", frame)):
            target = tmp_path / form / f"{path.relative_to(released[0])}".removesuffix(".gz")
            target.parent.mkdir(parents=True)
            forms[form].append(target.with_name(f"{target.name}{suffix}"))
            content.to_csv(forms[form][-1], index=False)
    tables = []
    for form, files in forms.items():
        assert len(files) == 3
        outputs = [tmp_path / f"{form}-{name}.parquet" for name in ("topometrics", "layers", "release")]
        published_pool.main(files, RESOURCES / "paper-accuracy.csv", *outputs, CFG)
        tables.append([pd.read_parquet(path) for path in outputs[:2]])
    for compressed, uncompressed in zip(*tables, strict=True):
        pd.testing.assert_frame_equal(compressed, uncompressed)


def test_files_of_different_releases_are_refused():
    columns = {"accuracy": 0.5, "sparsity": 0.9, "seed": 0, "model": "CONV-6", "dataset": "CIFAR-10", "layer_id": 0}
    rolled = pd.DataFrame([columns | {"layer_sparsity": 0.1}] * 2)
    ramanujan = rolled.assign(no_weights=1, no_params=10, degree_bound=0, iterative_degree_bound=0)
    ramanujan = ramanujan.assign(iterative_spectral_gap=0)
    assert len(published_pool.layers_with_ramanujan(rolled, ramanujan, "x")) == 2
    with pytest.raises(InputError, match="do not match"):
        published_pool.layers_with_ramanujan(rolled, ramanujan.assign(layer_sparsity=[0.1, 0.2]), "x")
    with pytest.raises(InputError, match="do not match"):
        published_pool.layers_with_ramanujan(rolled, ramanujan.iloc[:1], "x")


def without_a_column(frame):
    return frame.drop(columns="seed")


def in_per_cent(frame):
    return frame.assign(accuracy=frame["accuracy"] * 100)


def other_accuracies(frame):
    """Shuffled among the distinct values, so that repeated rows stay equal."""
    values = frame["accuracy"].drop_duplicates()
    return frame.assign(
        accuracy=frame["accuracy"].map(dict(zip(values, values.sample(frac=1, random_state=0), strict=True)))
    )


def shuffled_rows(frame):
    return frame.sample(frac=1, random_state=0)


def half(frame):
    return frame.iloc[: len(frame) // 2]


def of_one_sparsity_twice(frame):
    return frame.assign(sparsity=1.5)


def without_a_layer(frame):
    return frame.iloc[:-1]


ROLLED, PAIRED = "rolled/rolled-CIFAR-10-CONV-6.csv", "CONV-6/rolled-CIFAR-10-CONV-6.csv"


@pytest.fixture(scope="module")
def few(released, tmp_path_factory):
    """unrolled.csv and one pair, plain, in a folder of their own."""
    folder, frames = tmp_path_factory.mktemp("few"), {}
    for name in ("graph_metrics/unrolled/unrolled.csv", f"graph_metrics/{ROLLED}", f"ramanunjan_results/{PAIRED}"):
        source = next(path for path in released[1] if str(path).removesuffix(".gz").endswith(name))
        frames[folder / name] = pd.read_csv(source)
        (folder / name).parent.mkdir(parents=True)
        frames[folder / name].to_csv(folder / name, index=False)
    return frames


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "unrolled.csv",
            without_a_column,
            r"unrolled\.csv has no column 'seed'; needed are accuracy, sparsity, seed, model",
        ),
        ("unrolled.csv", in_per_cent, r"unrolled\.csv has the accuracy \d+\.?\d*; allowed: numbers from 0 to 1"),
        ("unrolled.csv", half, r"unrolled\.csv has \d+ networks of \w+ and \w+, the paper 105: it is cut off"),
        (
            "unrolled.csv",
            other_accuracies,
            r"\d+ networks have another accuracy in one file than in another, cifar10",
        ),
        (ROLLED, without_a_column, r"6\.csv has no column 'seed'"),
        (ROLLED, in_per_cent, r"has the accuracy \d+"),
        (ROLLED, half, r"6\.csv has \d+ networks of cifar10 and conv6, the paper 105: it is cut off"),
        (ROLLED, shuffled_rows, "the rows of the two files rolled-CIFAR-10-CONV-6.csv do not match"),
        (ROLLED, without_a_layer, r"6\.csv lacks layers of cifar10 conv6"),
        (ROLLED, of_one_sparsity_twice, r"6\.csv has the sparsity 1\.5; allowed"),
        (PAIRED, without_a_column, r"6\.csv has no column 'seed'"),
        (PAIRED, shuffled_rows, "the rows of the two files rolled-CIFAR-10-CONV-6.csv do not match"),
        (PAIRED, half, "do not match"),
    ],
)
def test_files_that_are_not_the_releases_must_be_plausible(few, tmp_path, name, change, message):
    path, files = next(path for path in few if str(path).endswith(name)), []
    for k, (source, frame) in enumerate(few.items()):
        files.append(tmp_path / str(k) / source.relative_to(source.parents[2]))
        files[-1].parent.mkdir(parents=True)
        (change(frame) if source == path else frame).to_csv(files[-1], index=False)
    with pytest.raises(InputError, match=message) as caught:
        published_pool.main(files, RESOURCES / "paper-accuracy.csv", "x", "y", "z", CFG)
    assert "\n" not in str(caught.value)


def test_a_file_that_was_cut_off_is_refused(few, tmp_path):
    content = next(iter(few)).read_bytes()
    for name, broken in (
        ("unrolled.csv", content[:-10]),
        ("unrolled.csv.gz", gzip.compress(content)[:-10]),
        ("unrolled.csv", b""),
    ):
        path = tmp_path / "graph_metrics" / "unrolled" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(broken)
        with pytest.raises(InputError, match=r"unrolled\.csv(\.gz)? is cut off"):
            published_pool.main([path], RESOURCES / "paper-accuracy.csv", "x", "y", "z", CFG)


def test_downloaded_files_are_those_of_the_release(few, tmp_path):
    sums = tmp_path / "sums.txt"
    (path, *_), outputs = few, [tmp_path / f"{name}.parquet" for name in ("topometrics", "layers", "release")]
    arguments = list(few), RESOURCES / "paper-accuracy.csv", *outputs, CFG, sums
    name = path.relative_to(path.parents[2])
    sums.write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n")
    published_pool.main(*arguments)
    sums.write_text(f"{'0' * 64}  {name}\n")
    with pytest.raises(InputError, match=r"unrolled\.csv is not the released file; delete it and run again"):
        published_pool.main(*arguments)


def test_a_folder_without_the_files_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"published\.path"):
        published_pool.main([tmp_path / "a" / "b" / "c.csv"], RESOURCES / "paper-accuracy.csv", "x", "y", "z", CFG)


RELEASED = """\
0.3266,rigl,0.98,MobileNetV2,tinyimagenet,0,1676372,4317309,0.1007777510003746,0.1155322327025266,0.639191659130551,\
0.1740845976046653,0.1432366782178435,4.009949588219695e-06,0.0342998381630779,1224.4824514529769,1152238,\
8.678762547320952e-07,8.427956180831427e-08,8.281520730341843e-07,0.0136054658121528,7.839304885063138e-07,16.655733,\
104.78164947369493
"""


def test_what_the_paper_leaves_out_is_in_the_release_and_nowhere_else(released, tmp_path, pool, capsys):
    """A released row, one of dynamic sparse training on the paper's networks, and two that contradict each other."""
    known = {}
    for file in released[1]:
        known.setdefault(Path(file).name.removesuffix(".gz"), []).append(file)
    unrolled = pd.read_csv(known["unrolled.csv"][0])
    mobile_row = pd.DataFrame([RELEASED.strip().split(",")], columns=unrolled.columns)
    mobile_row = mobile_row.astype(unrolled.dtypes.to_dict())
    evolved = unrolled.iloc[[0]].assign(pruning="itop", accuracy=0.5)
    contradicting = [unrolled.iloc[[1]].assign(pruning="dsr", accuracy=accuracy) for accuracy in (0.4, 0.5)]
    files = known["rolled-CIFAR-10-CONV-6.csv"]  # of graph_metrics and of ramanunjan_results
    files.append(tmp_path / "graph_metrics" / "unrolled" / "unrolled.csv")
    files[-1].parent.mkdir(parents=True)
    pd.concat([unrolled, mobile_row, evolved, *contradicting]).to_csv(files[-1], index=False)
    outputs = [tmp_path / f"{name}.parquet" for name in ("topometrics", "layers", "release")]
    published_pool.main(files, RESOURCES / "paper-accuracy.csv", *outputs, CFG)
    paper, release = pd.read_parquet(outputs[0]), pd.read_parquet(outputs[2])
    of_paper, of_release = (frame[frame["encoding"] == "mge"] for frame in (paper, release))
    assert len(of_paper) == 1251
    assert set(of_paper["family"]) == {"random", "at initialisation"}
    beyond = of_release[of_release["family"] == "dynamic"]
    assert sorted(beyond["pruning"]) == ["itop", "rigl"]
    assert "2 rows beyond the paper" in capsys.readouterr().out
    mobile = beyond[beyond["architecture"] == "mobilenetv2"].iloc[0]
    assert (mobile["nodes"], mobile["edges"], mobile["components"]) == (1676372, 4317309, 1152238)
    assert np.isnan(mobile["drop"])
    assert beyond[beyond["pruning"] == "itop"]["drop"].notna().all()
    rest = of_release.drop(beyond.index)
    pd.testing.assert_frame_equal(rest.reset_index(drop=True), of_paper.reset_index(drop=True))
    contradiction = unrolled.iloc[[1]].assign(accuracy=0.4)
    with pytest.raises(InputError, match="2 rows"):
        published_pool.unrolled(pd.concat([unrolled, contradiction]), DIVISORS)


def test_accuracy_tables_agree_but_for_the_known_cells(pool):
    lines = table_paper_comparison.accuracy_lines(
        pd.read_csv(RESOURCES / "paper-accuracy.csv"), table_accuracy.accuracy_table(pool)
    )
    printed = [line for line in lines if np.isfinite(line["printed"])]
    assert len(printed) == 419
    assert sum(bool(line["agrees"]) for line in printed) >= 411


def test_ranking_tables_agree_with_undefined_metrics_first(pool):
    ranking = table_ranking.ranking_table(pool, 0, "first")
    lines = table_paper_comparison.ranking_lines(pd.read_csv(RESOURCES / "paper-tables.csv"), ranking)
    frame = pd.DataFrame(lines).query("table == 4 and column != 'Avg'")
    hits = frame.groupby("row")["agrees"].sum()
    assert hits["Layer-Density"] == 20
    assert hits["delta_r_imdb"] >= 19
    assert hits["lambda_imsg"] >= 19
    ours = frame[frame["row"] == "Ours"]
    assert (ours["ours"] - ours["printed"]).abs().mean() <= 0.035
    # Undefined metrics last: the Ramanujan metrics' one good column goes (ER and ERK have no defined layer there).
    last = ranking.query("dataset == 'all' and subset == 'all' and sparsity == '0.98' and architecture == 'resnet20'")
    last = last.set_index(["strategy", "missing"])["rbo"]
    assert last["delta_r_imdb", "last"] < last["delta_r_imdb", "first"] - 0.25


def test_regression_table_agrees(pool):
    """Table 3 with fewer repetitions, which move an R^2 by less than 0.01."""
    rows = []
    for scenario, value, part in scenarios(pool):
        for encoding in ("mge", "rolled", "rolled_channel"):
            chosen = part[part["encoding"] == encoding]
            names = topometrics(pool, encoding)
            complete, names, _ = table_regression.usable(chosen, names)
            y = complete["drop"].to_numpy()
            X = table_regression.scaled(complete[names].to_numpy())
            kinds = {"random": table_regression.divisions(complete, 3)["random"]}
            errors = table_regression.cross_validated(X, y, kinds)["random"]
            score = table_regression.scores(y, np.array(list(errors.values())), X.shape[1], np.ones((1, len(y))))
            key = {"scenario": scenario, "value": str(value), "encoding": encoding, "features": "topometrics"}
            rows.append(key | {"folds": "random", "regressor": "mean"} | score)
    lines = table_paper_comparison.regression_lines(pd.read_csv(RESOURCES / "paper-tables.csv"), pd.DataFrame(rows))
    frame = pd.DataFrame(lines)
    frame["difference"] = (frame["ours"] - frame["printed"]).abs()
    difference = frame.groupby("row")["difference"].mean()
    assert difference["Unrolled MGE/adjusted_r2"] <= 0.03
    assert difference["Unrolled MGE/mae"] <= 0.002
    assert difference["Rolled BGE/adjusted_r2"] <= 0.035
    assert difference["Rolled-channel BGE/adjusted_r2"] <= 0.035


def test_what_the_docs_say_of_transfer_between_families(pool):
    """Both families learn from their own unrolled graphs; only what needs no graph, and ridge, carries over."""
    names = topometrics(pool, "mge")
    rows = table_families.transfer_rows(pool[pool["encoding"] == "mge"], names, True, 0)
    table = pd.DataFrame(rows).set_index(["features", "regressor", "trained_on", "tested_on"]).sort_index()
    random, initial = "random", "at initialisation"
    own = table.loc["topometrics", "mean"]["adjusted_r2"]
    across = table.loc["topometrics", "mean"]
    assert own[random, random] == pytest.approx(0.72, abs=0.005)
    assert own[initial, initial] == pytest.approx(0.53, abs=0.005)
    assert across["adjusted_r2"][initial, random] == pytest.approx(-0.11, abs=0.005)
    assert across["adjusted_r2"][random, initial] == pytest.approx(-38, abs=0.5)
    assert across["rank_correlation"][initial, random] == pytest.approx(0.79, abs=0.005)
    assert across["rank_correlation"][random, initial] == pytest.approx(0.68, abs=0.005)
    ridge = table.loc["topometrics", "ridge"]["r2"]
    assert (ridge[initial, random], ridge[random, initial]) == pytest.approx((0.41, 0.52), abs=0.005)
    without = table.loc["architecture_dataset_sparsity", "mean"]["adjusted_r2"]
    assert (without[initial, random], without[random, initial]) == pytest.approx((0.70, 0.67), abs=0.005)


def test_shipped_rank_tables_are_those_of_the_published_data(pool, paths):
    layers = pd.read_parquet(paths[1])
    fresh = rank_importance.importance_table(pool, WEIGHTED)
    shipped = pd.read_csv(RESOURCES / "importance.csv", dtype={"value": str})
    names = ["scenario", "value", "metric", "mask_only"]
    pd.testing.assert_frame_equal(fresh[names], shipped[names])
    columns = [c for c in shipped if c.startswith("r")]
    fresh = fresh[columns].replace("", np.nan).astype(float)
    np.testing.assert_allclose(fresh, shipped[columns], atol=2e-4)
    parameters = pd.read_csv(RESOURCES / "path-score.csv")
    again = rank_parameters.parameter_table(pool, layers, resamples=5)
    # The simplex stops within 1e-3 of the optimum, by a path that rounding may turn.
    pd.testing.assert_frame_equal(again, parameters[:6], atol=5e-3)
    # Choosing among the forms takes minutes and is left out.
    evaluation = rank_evaluate.summary_table(rank_evaluate.cell_table(pool, layers, WEIGHTED, forms=()))
    known = pd.read_csv(RESOURCES / "rank-evaluation.csv", dtype={"sparsity": str})
    known = known[known["method"] != "paths_form_chosen"].reset_index(drop=True)
    pd.testing.assert_frame_equal(evaluation, known, atol=2e-4)


def test_what_the_docs_say_of_exact_path_counts(paths):
    found = benchmark("exact_paths").compare(RESOURCES / "exact-paths.csv", paths[0].parent)
    names = {
        "log_density_sum": "sum of log densities",
        "ln_paths": "exact ln of the number of paths",
        "ln_paths_shuffled": "the same, each layer's mask shuffled",
        "ln_path_kernel_trace": "ln of the path kernel's trace (weights at initialisation)",
        "live_channels": "share of live channels",
        "ln_paths - log_density_sum": "exact paths − sum of log densities",
    }
    text = (REPO / "docs" / "analysis.md").read_text()
    for name, title in names.items():
        row = found.loc[name]
        line = f"| {title} | {row['tau']:.2f} [{row['low']:.2f}, {row['high']:.2f}] |".replace("-", "−")
        assert line in text.replace("-", "−"), line
    assert (found.loc["ln_paths - ln_paths_shuffled", ["tau", "low", "high"]] == 0).all()


def test_findings_page_of_the_docs_is_that_of_the_published_data(pool, paths):
    page = (REPO / "docs" / "findings.md").read_text()
    record = pd.read_csv(RESOURCES / "rank-evaluation.csv", dtype={"sparsity": str})
    assert findings.text_of(findings.prediction(record)) in page
    layers = findings.layers(table_layers.layer_correlation(pd.read_parquet(paths[1])))
    assert findings.text_of(layers) in page
    names = topometrics(pool, "mge")
    rows, _ = table_redundancy.redundancy_rows(pool[pool["encoding"] == "mge"], "mge", names)
    # The deviation of an identity is rounding noise.
    text = findings.text_of(findings.redundancy(pd.DataFrame(rows)))
    expected = [line for line in text.splitlines() if "deviation" not in line]
    assert set(expected) <= set(page.splitlines())


def test_rank_is_as_good_as_stated():
    record = pd.read_csv(RESOURCES / "rank-evaluation.csv").set_index(["method", "procedure", *TASK])
    left_out = record.xs(("leave_one_architecture_out", "all", "all", "all"), level=["procedure", *TASK])
    paths, mixture = left_out.loc["paths"], left_out.loc["mixture"]
    assert paths["tau"] >= 0.60
    assert paths["rbo"] >= 0.64
    assert paths["lost_points"] <= 0.35
    assert round(mixture["rbo"], 2) >= 0.54
    assert round(mixture["tau"], 2) >= 0.53
    assert mixture["lost_points"] < 0.55
    assert mixture["rbo"] > left_out.loc["constant_order"]["rbo"] + 0.1


def test_download_accepts_only_the_known_content_and_keeps_what_is_right(tmp_path):
    content = b"a,b\n1,2\n"
    sums = tmp_path / "sums.txt"
    sums.write_text(f"{hashlib.sha256(content).hexdigest()}  graph_metrics/x.csv\n")
    target = tmp_path / "out" / "graph_metrics" / "x.csv"
    with serving(tmp_path / "web") as server:
        source = tmp_path / "web" / "graph_metrics" / "x.csv"
        source.parent.mkdir()
        source.write_bytes(content)
        published_download.main(sums, server.url, [target])
        assert target.read_bytes() == content
        source.write_bytes(content + b"3,4\n")
        published_download.main(sums, server.url, [target])
        assert server.asked == ["/graph_metrics/x.csv"]
        target.unlink()
        with pytest.raises(InputError, match=r"SHA-256 .*; set published\.path to a folder"):
            published_download.main(sums, server.url, [target])
        assert list(target.parent.iterdir()) == []


def test_an_output_that_no_checksum_is_known_for_is_refused(tmp_path):
    (tmp_path / "sums.txt").write_text("")
    with pytest.raises(InputError, match="no checksum is known"):
        published_download.main(tmp_path / "sums.txt", "http://127.0.0.1:9", [tmp_path / "x.csv"])


def test_released_files_are_downloaded_once_and_skipped_only_without_a_network(tmp_path, monkeypatch):
    sums = tmp_path / "sums.txt"
    sums.write_text(f"{hashlib.sha256(b'1').hexdigest()}  graph_metrics/x.csv\n")
    where = {"beside": tmp_path / "nothing", "cache": tmp_path / "cache", "sums": sums}
    with serving(tmp_path / "web") as server:
        with pytest.raises(InputError, match="404"):
            released_files(address=server.url, **where)
        (tmp_path / "web" / "graph_metrics").mkdir()
        (tmp_path / "web" / "graph_metrics" / "x.csv").write_bytes(b"1")
        for _ in range(2):
            assert released_files(address=server.url, **where)[1] == [tmp_path / "cache/graph_metrics/x.csv"]
        assert len(server.asked) == 2
    assert released_files(address=server.url, **where)[1][0].read_bytes() == b"1"
    (tmp_path / "cache/graph_metrics/x.csv").unlink()
    monkeypatch.setattr(downloads, "PAUSE", 0)
    with pytest.raises(pytest.skip.Exception, match="needs a network"):
        released_files(address=server.url, **where)
