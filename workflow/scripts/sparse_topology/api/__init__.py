"""For notebooks and scripts: a network's unrolled graph and its topometrics, by the code of the workflow's jobs.

    from sparse_topology.api import topometrics, unrolled_graph

    graph = unrolled_graph(model, (3, 32, 32))
    topometrics(graph)

No job of the workflow imports this wing, so that it is in no code hash.

May import: graphs, job, metrics, words.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sparse_topology.graphs.layered import LayeredGraph
from sparse_topology.job import InputError

if TYPE_CHECKING:
    import igraph
    import pandas as pd
    import torch
    from numpy.typing import NDArray
    from scipy import sparse

__all__ = ["FAMILIES", "InputError", "UnrolledGraph", "topometrics", "unrolled_graph"]

FAMILIES = ("local", "neighbours", "motifs", "strength", "kcore", "components", "cuts", "spectra")  # the paper's


class UnrolledGraph(LayeredGraph):
    """The unrolled multipartite graph of a network (paper, section 3.1): N nodes, E edges from lower to higher ids.

    Everything of LayeredGraph (`layers`, `blocks`, `node_count`, `edge_count`, `edges()`), and the usual forms.
    """

    def to_igraph(self) -> igraph.Graph:
        """A directed igraph Graph of N vertices, also those without an edge; edge attribute `weight`."""
        from sparse_topology.graphs import edge_list

        edges = edge_list.unroll(self)
        graph = edge_list.igraph_graph(edges, directed=True)
        graph.es["weight"] = edges.weight
        return graph

    def to_scipy(self) -> sparse.csr_array:
        """The directed adjacency matrix: float32 [N, N], the weight of the edge i -> j at [i, j]. An edge of weight 0
        is an explicit 0."""
        from scipy import sparse

        from sparse_topology.graphs.layered import all_edges

        source, target, weight = all_edges(self)
        return sparse.csr_array((weight, (source, target)), (self.node_count, self.node_count))

    def to_parquet(self, path: str | Path) -> None:
        """Write the edge list to `path`, and what the ids stand for to nodes.parquet beside it (docs/graphs.md)."""
        from sparse_topology.graphs import parquet

        parquet.write(self, path)
        parquet.write_nodes(self, Path(path).with_name("nodes.parquet"))


def unrolled_graph(
    model: torch.nn.Module,
    input_shape: Sequence[int],
    masks: Mapping[str, NDArray[np.bool_] | torch.Tensor] | None = None,
    identity_shortcuts: str = "ignore",
    attention: str = "all",
) -> UnrolledGraph:
    """The graph of a sparse network as it is; `model` stays as it is too.

    input_shape: channels, height, width. masks: for each weight, by its state_dict key, where it is kept (not 0);
    without one for a weight its mask is that of torch.nn.utils.prune, or what is not zero. identity_shortcuts: `ignore`
    or `edges`; attention: `all` or `values`: as `options.mge` has them.

    Raises InputError, in one line, for a network that the tracer does not model (docs/graphs.md) and for masks that do
    not fit.
    """
    from sparse_topology.graphs.dependence import check
    from sparse_topology.graphs.geometry import encode
    from sparse_topology.graphs.trace import walk

    module, kept = _plain(model)
    traced = walk(module, tuple(input_shape), identity_shortcuts, attention)
    geometry = traced.geometry()
    state = module.state_dict()
    weights = {p.key: state[p.key].float().numpy() for p in geometry.parameters}
    given = kept | {key: np.asarray(mask) != 0 for key, mask in (masks or {}).items()}
    unknown = sorted(set(given) - set(state))
    if unknown:
        raise InputError(f"masks: the network has no {', '.join(unknown[:4])}; it has {', '.join(list(weights)[:4])}")
    full = {key: given.get(key, value != 0) for key, value in weights.items()}
    graph = encode(geometry, weights, full)  # first, since it says of a mask whether it fits
    check(module, traced, geometry, full)
    return UnrolledGraph(**vars(graph))


def _plain(model: torch.nn.Module) -> tuple[torch.nn.Module, dict[str, NDArray[np.bool_]]]:
    """A copy on the CPU whose weights are parameters, and the masks that torch.nn.utils.prune had put on them."""
    from torch.nn.utils import prune

    for layer in model.modules():
        for name in _pruned_names(layer):  # computed with a gradient, it could not be copied; each forward computes it
            setattr(layer, name, getattr(layer, name).detach())
    module = copy.deepcopy(model).cpu().eval()
    masks = {}
    for path, layer in module.named_modules():
        for name in _pruned_names(layer):
            masks[f"{path}.{name}" if path else name] = getattr(layer, f"{name}_mask").numpy() != 0
            prune.remove(layer, name)
    return module, masks


def _pruned_names(layer: torch.nn.Module) -> list[str]:
    """The parameters of a layer that torch.nn.utils.prune computes."""
    names = [name.removesuffix("_mask") for name, _ in layer.named_buffers(recurse=False) if name.endswith("_mask")]
    return [name for name in names if hasattr(layer, f"{name}_orig")]


def topometrics(graph: LayeredGraph, families: Iterable[str] = FAMILIES) -> pd.Series:
    """The topometrics of a graph (paper, section 3.3): float64, the columns of topometrics.csv in their order.

    Index: nodes, edges, each topometric normalised, then raw_<topometric>. families: words of metric families, the
    paper's unless others are given (`paths`). What has no value is NaN, its reason in `series.attrs["missing"]`.

    Raises InputError for a family that does not measure this graph.
    """
    import pandas as pd

    from sparse_topology.metrics.measure import describe
    from sparse_topology.words import by_group

    known = _families()
    entries = []
    for word in families:
        if word not in known:
            raise InputError(f"families: {word!r} is not known; allowed: {', '.join(sorted(known))}")
        values = dict(known[word].structured(graph, {}))
        values.pop("layers", None)  # what a family says of single layers is no topometric
        entries.append(describe(graph, values, known[word].DIVISORS))
    normalised = {name: value for entry in entries for name, value in entry["normalised"].items()}
    raw = {name: value for entry in entries for name, value in entry["raw"].items()}
    values = {"nodes": graph.node_count, "edges": graph.edge_count}
    values |= {name: normalised[name] for name in by_group(normalised)}
    values |= {f"raw_{name}": raw[name] for name in by_group(raw)}
    series = pd.Series(values, dtype="float64", name="topometrics")
    series.attrs["missing"] = {name: reason for entry in entries for name, reason in entry["missing"].items()}
    return series


def _families() -> dict:
    """The scripts that measure the unrolled graph, by word."""
    import metric_components
    import metric_cuts
    import metric_kcore
    import metric_local
    import metric_motifs
    import metric_neighbours
    import metric_paths
    import metric_spectra
    import metric_strength

    return {
        "components": metric_components,
        "cuts": metric_cuts,
        "kcore": metric_kcore,
        "local": metric_local,
        "motifs": metric_motifs,
        "neighbours": metric_neighbours,
        "paths": metric_paths,
        "spectra": metric_spectra,
        "strength": metric_strength,
    }
