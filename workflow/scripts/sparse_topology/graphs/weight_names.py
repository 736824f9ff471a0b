"""Which weight of the network each edge of a graph is.

A graph's edge weights are sums of absolute weights, or norms of them. The same graph with other numbers in the place of
the weights has the same edges in the same order, so four graphs name every edge: with ones (of how many weights is it
made?), with the parameter's number, and with the upper and lower digits of the weight's index in its parameter. All of
these are exact in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from sparse_topology.graphs.geometry import Parameter
from sparse_topology.graphs.layered import LayeredGraph

BASE = 1 << 12
FIRST = 2  # the number of the first parameter: an identity shortcut's edge has the weight 1 in every graph


class WeightNames:
    """Names of the edges of one graph.

    keys: the parameters' state_dict keys. `pieces` walks along LayeredGraph.edges.
    """

    def __init__(self, parameters: list[Parameter], graph_of: Callable[[dict], LayeredGraph]):
        """graph_of: from weights, by state_dict key, to the graph in whatever encoding."""
        self.keys = [p.key for p in parameters]
        index = {p.key: np.arange(np.prod(p.shape)).reshape(p.shape) for p in parameters}
        numbers = [
            {key: np.ones(values.shape) for key, values in index.items()},
            {key: np.full(values.shape, FIRST + k) for k, (key, values) in enumerate(index.items())},
            {key: values // BASE for key, values in index.items()},
            {key: values % BASE for key, values in index.items()},
        ]
        self.graphs = [graph_of(weights) for weights in numbers]

    def pieces(self, chunk: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield, for each piece of LayeredGraph.edges(chunk), the number of each edge's parameter in `keys`, or -1 for
        an edge of several weights or of none, and the weight's index in that parameter, flat in C order: int64 [n]."""
        for pieces in zip(*(graph.edges(chunk) for graph in self.graphs), strict=True):
            number, high, low = (piece[3].astype(np.int64) for piece in pieces[1:])
            single = (pieces[0][3] == 1) & (number >= FIRST)
            yield np.where(single, number - FIRST, -1), np.where(single, high * BASE + low, -1)
