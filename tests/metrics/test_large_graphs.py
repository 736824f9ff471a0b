"""The checks of benchmarks/large_graphs.py: right on a small network, and each of them WRONG with another value."""

import random
from argparse import Namespace

import duckdb
import igraph
import numpy as np
import pytest

from helpers.benchmark import benchmark

IGRAPH_CLASS = {"path": 6, "star": 4, "cycle": 8, "paw": 7, "diamond": 9, "k4": 10}


@pytest.fixture(scope="module")
def large_graphs():
    return benchmark("large_graphs")


@pytest.fixture(scope="module")
def graph(large_graphs):
    return large_graphs.metrics.graphs("resnet20", 0.02, 16)["mge"]


@pytest.fixture(scope="module")
def found(large_graphs, graph):
    return list(large_graphs.checks(graph, Namespace(sparsity=0.98, sample=40, paths=100_000, slice_edges=100_000)))


def table(connection, graph: igraph.Graph) -> None:
    source, target = np.array(graph.get_edgelist()).T
    connection.register("edges", {"source": source, "target": target, "file_row_number": np.arange(len(source))})


def test_counts_over_the_edge_list_agree_with_the_metrics(found):
    assert len(found) == 16
    assert [check.name for check in found if not check.holds()] == []


def test_no_check_holds_of_a_wrong_value(found):
    def wrong(value):
        if np.ndim(value):
            return value + (np.arange(len(value)) == len(value) // 2)
        return 1.5 * value + 1

    without_triangles = [check for check in found if np.any(check.counted)]
    assert len(without_triangles) == 13
    assert [check.name for check in without_triangles if check._replace(ours=wrong(check.ours)).holds()] == []


# Without triangles, and with.
@pytest.mark.parametrize(("network", "size", "count"), [("conv6", 32, 10), ("resnet20", 8, 4)])
def test_positions_of_a_network_with_all_weights_tell_its_counts(large_graphs, network, size, count):
    dense = large_graphs.metrics.graphs(network, 1, size)["mge"]
    found = list(large_graphs.checks(dense, Namespace(sparsity=0)))
    assert len(found) == count
    assert [check.name for check in found if not check.holds()] == []
    assert [check.name for check in found if check._replace(ours=check.ours + 1).holds()] == []


def test_slices_are_parts_of_the_network(large_graphs, graph):
    runs = large_graphs.runs_of_layers(graph, 100_000)
    assert (0, 0) in runs
    assert (0, len(graph.layers) - 1) not in runs
    first, last = max(runs, key=lambda run: run[1] - run[0])
    start, stop = graph.layers[first].offset, graph.layers[last].offset + graph.layers[last].size
    source, target, _ = large_graphs.metrics.layered.all_edges(graph)
    inside = (source >= start) & (target < stop)
    part = large_graphs.between(graph, first, last)
    ours = large_graphs.metrics.layered.all_edges(part)
    assert 0 < part.edge_count <= 100_000
    np.testing.assert_array_equal(ours[0], source[inside] - start)
    np.testing.assert_array_equal(ours[1], target[inside] - start)


@pytest.mark.parametrize("seed", range(3))
def test_estimates_of_all_motifs_agree_with_igraph(large_graphs, seed):
    igraph.set_random_number_generator(random.Random(seed))
    graph = igraph.Graph.Erdos_Renyi(60, 0.3)
    with duckdb.connect() as connection:
        table(connection, graph)
        estimates = large_graphs.motifs(connection, np.array(graph.degree()), 40_000)
    exact = graph.motifs_randesu(4)
    assert set(estimates) == set(IGRAPH_CLASS)
    for kind, (estimate, error) in estimates.items():
        check = large_graphs.Check(kind, exact[IGRAPH_CLASS[kind]], estimate, error)
        assert check.holds(), check
        assert 0 < error < 0.04 * estimate
        assert not check._replace(ours=1.3 * check.ours).holds(), check


def test_components_part_by_part_agree_with_igraph(large_graphs):
    igraph.set_random_number_generator(random.Random(0))
    graph = igraph.Graph.Erdos_Renyi(500, m=400)
    with duckdb.connect() as connection:
        table(connection, graph)
        assert large_graphs.components(connection, 500, 400, rows=70) == len(graph.connected_components())


@pytest.mark.parametrize(("ours", "code", "word"), [(7, 0, "right"), (8, 1, "WRONG")])
def test_a_wrong_value_ends_with_1(large_graphs, graph, ours, code, word, monkeypatch, capsys):
    made = [large_graphs.Check("edges", ours, 7), large_graphs.Check("cycles", 5, 4.0, 0.5)]
    monkeypatch.setattr(large_graphs, "checks", lambda graph, options: made)
    monkeypatch.setattr(large_graphs.metrics, "graphs", lambda *network: {"mge": graph})
    monkeypatch.setattr("sys.argv", ["large_graphs.py"])
    with pytest.raises(SystemExit) as ended:
        large_graphs.main()
    assert ended.value.code == code
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == [f"edges: {ours}, counted 7: {word}", "cycles: 5, counted 4 ± 0.5: right"]
