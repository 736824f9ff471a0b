"""The metric files: normalisation, means over layers, and what has no value."""

import metric_density
import metric_kcore
import metric_local
import metric_motifs
import metric_ramanujan
import numpy as np
import pytest

from helpers import random_graphs
from sparse_topology.files import read_json
from sparse_topology.graphs import layered, parquet
from sparse_topology.job import InputError
from sparse_topology.metrics import measure
from sparse_topology.metrics.measure import Missing, describe, means


def files(folder, **encoded):
    paths = {}
    for name, graph in encoded.items():
        layered.save(graph, folder / f"{name}.npz")
        parquet.write(graph, folder / f"{name}.parquet")
        paths[name] = {"blocks": folder / f"{name}.npz", "edges": folder / f"{name}.parquet"}
    return paths, {"encodings": list(encoded), "engine": "structured"}


def measured(family, folder, cfg=None, count_empty_layers=False, **encoded):
    """The encodings of the file that a metric script writes for these graphs."""
    paths, settings = files(folder, **encoded)
    engines = {"structured": family.structured, "igraph": family.reference}
    settings |= cfg or {}
    measure.run(paths, folder / "out.json", settings, family.DIVISORS, count_empty_layers, **engines)
    return read_json(folder / "out.json")["encodings"]


def test_raw_and_normalised_values_of_the_unrolled_graph(tmp_path):
    graph = random_graphs.from_pairs([(0, 2), (1, 2), (2, 3)], sizes=[2, 1, 1])
    entry = measured(metric_kcore, tmp_path, mge=graph)["mge"]
    assert (entry["nodes"], entry["edges"]) == (4, 3)
    assert entry["raw"] == {"k_core": 1}
    assert entry["normalised"] == {"k_core": pytest.approx(1 / 3)}
    assert entry["missing"] == {}
    assert entry["seconds"] >= 0
    assert entry["peak_memory_mb"] > 1


def two_layers():
    """A full 2 x 3 layer and an empty 4 x 1 one."""
    return random_graphs.bipartite([np.ones((2, 3), bool), np.zeros((4, 1), bool)])


def test_bipartite_values_are_means_over_layers_with_edges(tmp_path):
    entry = measured(metric_motifs, tmp_path, rolled=two_layers())["rolled"]
    assert entry["raw"] == {"motif3": 9}
    assert entry["normalised"] == {"motif3": 1.5}
    assert entry["layers"]["layer1"]["normalised"] == {"motif3": None}
    assert entry["layers"]["layer1"]["missing"] == {"motif3": "the graph has no edges"}


def test_an_emptied_layer_counts_in_the_density(tmp_path):
    entry = measured(metric_density, tmp_path, rolled=two_layers(), count_empty_layers=True)["rolled"]
    assert entry["raw"] == {"layer_density": 0.5}


def test_a_network_without_defined_layer_is_missing(tmp_path):
    entry = measured(metric_ramanujan, tmp_path, rolled=two_layers())["rolled"]
    assert entry["normalised"]["delta_r_imdb"] is None
    assert entry["missing"]["delta_r_imdb"] == "no layer has a value"
    assert entry["normalised"]["delta_r"] == pytest.approx(1)


def test_a_pruned_away_network_has_counts_but_nothing_per_edge(tmp_path):
    graph = random_graphs.from_pairs([], sizes=[2, 1])
    entry = measured(metric_local, tmp_path, mge=graph)["mge"]
    assert entry["normalised"] == {"sink": 0, "source": 0, "disconnected": 1, "r_out": None, "r_in": None}
    assert set(entry["missing"]) == {"r_out", "r_in"}


def test_a_value_that_is_not_finite_is_an_error_and_never_written():
    graph = random_graphs.from_pairs([(0, 1)], sizes=[1, 1])
    with pytest.raises(ArithmeticError, match="inf"):
        describe(graph, {"strength": float("inf")}, {"strength": "edges"})


@pytest.mark.parametrize("encoding", ["mge", "rolled"])
@pytest.mark.parametrize("value", [float("nan"), np.float64("-inf"), None, "none"])
def test_no_number_is_one_line_that_names_metric_encoding_and_network(tmp_path, encoding, value):
    one_edge = random_graphs.from_pairs([(0, 1)], sizes=[1, 1])
    graph = one_edge if encoding == "mge" else random_graphs.bipartite([np.ones((2, 2), bool)])
    layered.save(graph, tmp_path / "blocks.npz")
    output = tmp_path / "snip" / "0.9" / "0" / "metrics" / "hubs.json"
    with pytest.raises(InputError) as error:
        measure.run(
            {encoding: {"blocks": tmp_path / "blocks.npz"}},
            output,
            {"encodings": [encoding]},
            {"hub_degree": "edges"},
            structured=lambda graph, cfg: {"hub_degree": value},
        )
    message = str(error.value)
    for part in ("metric_hubs.py", "hub_degree", f"{value}", f"on {encoding} of", "snip/0.9/0", "Missing"):
        assert part in message
    assert "\n" not in message
    assert len(message) < 500
    assert not output.exists()


def test_means_skip_what_is_missing():
    graph = random_graphs.from_pairs([(0, 1)], sizes=[1, 1])
    layers = [describe(graph, {"a": value}, {"a": None}) for value in (1.0, Missing("none"), 2.0)]
    assert means(layers)["raw"] == {"a": 1.5}


@pytest.mark.parametrize("family", [metric_local, metric_kcore, metric_motifs, metric_ramanujan, metric_density])
def test_the_igraph_engine_reads_the_parquet_file_and_agrees(tmp_path, family):
    unrolled = random_graphs.from_pairs([(0, 2), (1, 2), (2, 3), (0, 3)], sizes=[2, 1, 1], kernels=True)
    rng = np.random.default_rng(0)
    rolled = random_graphs.bipartite([rng.random((9, 6)) < 0.7, rng.random((8, 8)) < 0.7])
    graphs = {"mge": unrolled, "rolled": rolled}
    graphs = {name: graph for name, graph in graphs.items() if name in family.ENCODINGS}
    engines = ("structured", "igraph")
    results = {engine: measured(family, tmp_path, {"engine": engine}, **graphs) for engine in engines}
    assert results["igraph"].keys() == results["structured"].keys()
    for name, entry in results["igraph"].items():
        for key in ("nodes", "edges", "missing"):
            assert entry[key] == results["structured"][name][key]
        for kind in ("raw", "normalised"):
            assert entry[kind] == pytest.approx(results["structured"][name][kind], abs=1e-9)


@pytest.mark.parametrize("engine", ["structured", "igraph"])
def test_a_script_with_one_engine_needs_no_option(tmp_path, engine):
    """It is the one that reads what its name says: the blocks or the edge list."""
    paths, cfg = files(tmp_path, mge=random_graphs.from_pairs([(0, 2), (1, 2), (2, 3)], sizes=[2, 1, 1]))
    del cfg["engine"]

    def edges(graph, cfg):
        return {"seen": graph.edge_count, "kind": len(type(graph).__name__)}

    measure.run(paths, tmp_path / "own.json", cfg, {"seen": "edges"}, **{engine: edges})
    result = read_json(tmp_path / "own.json")
    assert (result["family"], result["engine"]) == ("own", engine)
    kind = len("LayeredGraph" if engine == "structured" else "EdgeList")
    assert result["encodings"]["mge"]["raw"] == {"seen": 3, "kind": kind}
    assert result["encodings"]["mge"]["normalised"] == {"seen": 1}
    with pytest.raises(InputError, match=rf"options\.own\.engine: 'fast' is not known; allowed: {engine}"):
        measure.run(paths, tmp_path / "own.json", cfg | {"engine": "fast"}, {}, **{engine: edges})
