"""What the words of the page mean: the one home of their definitions (paper, Table 2 and sections 2, 3 and 4.3).

Keys are words of the config as `words.printed` takes them, or terms as they are printed.
"""

from sparse_topology.words import printed

ENCODINGS = {
    "mge": "The whole network as one graph. Every entry of every feature map is a node (a unit); an edge leads from "
    "a unit to one of the next layer where an unpruned weight connects the two. One weight of a kernel gives one "
    "edge per position at which the kernel is applied. MGE: multipartite graph encoding.",
    "rolled": "One graph per layer, without positions: a node for every weight of one filter and one for every "
    "filter, so that each unpruned weight is one edge. Metrics are means over the layers. BGE: bipartite graph "
    "encoding.",
    "rolled_channel": "One graph per layer of its channels alone: an input and an output channel are connected "
    "unless the kernel between them is pruned as a whole.",
}
TOPOMETRICS = {
    "sink": "Units that no edge leaves though some arrive, outputs aside. Divided by the number of nodes.",
    "source": "Units that no edge reaches though some leave, inputs aside. Divided by the number of nodes.",
    "disconnected": "Units without any edge. Divided by the number of nodes.",
    "r_out": "Edges that leave a source: what they carry never depends on the input, so they could be removed. "
    "Divided by the number of edges.",
    "r_in": "Edges that arrive at a sink: nothing that they carry is used, so they could be removed. Divided by the "
    "number of edges.",
    "n1": "Mean number of units within one step along the edges, the unit itself counted. Divided by the number of "
    "edges.",
    "n2": "Mean number of units within two steps along the edges, the unit itself counted. Divided by the number of "
    "edges.",
    "motif4": "Number of connected groups of four nodes. Divided by the number of edges.",
    "motif3": "Number of connected groups of three nodes, in the bipartite encodings. Divided by the number of edges.",
    "k_core": "Mean over the nodes of the largest k for which the node lies in a part of the graph where everyone "
    "has k neighbours inside it. Divided by the number of edges.",
    "strength": "Mean over the nodes of the sum of the weights of their edges. Divided by the number of edges.",
    "components": "Number of pieces that hang together when the direction of edges is ignored.",
    "component_size": "Mean number of nodes of those pieces. Divided by the number of nodes.",
    "cut_edges": "Edges whose loss alone takes a piece apart (bridges). Divided by the number of edges.",
    "cut_nodes": "Nodes whose loss alone takes a piece apart. Divided by the number of edges.",
    "spectral_gap": "Difference between the largest and the third largest eigenvalue, by magnitude, of the weighted "
    "adjacency matrix: large where the graph is knit together well.",
    "spectral_radius": "Largest eigenvalue of the weighted Laplacian, the matrix of degrees less the adjacency matrix.",
}
PATHS = {
    "ln_paths": "Natural logarithm of the number of ways from an input to an output.",
    "ln_path_kernel_trace": "Natural logarithm of the sum over all those ways and their edges of the product of the "
    "squared weights of the other edges: the trace of the path kernel.",
    "live_edges": "Share of the edges that lie on a way from an input to an output.",
    "live_channels": "Mean over the layers of the share of channels with a unit on such a way.",
}
LAYERS = {
    "layer_density": "Share of a layer's weights that are not pruned, averaged over the layers.",
    "delta_r": "How far the third eigenvalue of a layer's rolled graph stays below the bound that a Ramanujan "
    "graph, an optimal expander, keeps; as a share of the bound.",
    "delta_r_imdb": "The same difference of bound, taken for each set of left nodes of one degree (at least 3) and "
    "averaged: iterative mean difference of bound.",
    "lambda_imsg": "On those same sets of nodes, the weighted graph's spectral gap, averaged: iterative mean "
    "spectral gap.",
}
ANALYSIS = {
    "RBO": "Rank-biased overlap: how much two orders agree, from 0 to 1, with more weight on their first places. "
    "Here the predicted order of the pruning algorithms against the true one.",
    "normalised": "Counts grow with the network, so each topometric is divided by the graph's nodes or edges, as "
    "its definition says, before anything is compared.",
    "drop": "Share of the dense network's accuracy that the sparse one has lost: 0 if none, 1 if all.",
    "sparsity_fixed": "All networks of one sparsity, whatever their architecture.",
    "architecture_fixed": "All networks of one architecture, whatever their sparsity.",
    "adjusted R²": "Share of the variance that a model explains on networks that it has not seen, less what as many "
    "features explain by chance; below 0 it is worse than the mean.",
    "Kendall's tau": "Agreement of two orders: share of pairs in the same order less share in the opposite one.",
    "ours": "Algorithms in the order of the topometrics, each weighted by its correlation with the accuracy drop "
    "(equation 5 of the paper).",
    "ours_further": "The same with the topometrics that this study measures and the paper does not.",
}
GROUPS = {
    "How a network becomes a graph": ENCODINGS,
    "Topometrics": TOPOMETRICS | PATHS,
    "Metrics of the layers": LAYERS,
    "Analysis": ANALYSIS,
}


def glossary() -> dict[str, dict[str, str]]:
    """{group: {printed term: definition}}."""
    return {group: {printed(word): text for word, text in entries.items()} for group, entries in GROUPS.items()}


def terms() -> dict[str, str]:
    """{printed term: identifier of its definition on the page}."""
    return {printed(word): f"word-{number}" for number, word in enumerate(w for e in GROUPS.values() for w in e)}


def used(columns: dict[str, list]) -> list[str]:
    """The terms that a chart's data name, as columns or as values, in the order of the glossary."""
    found = set(columns)
    for values in columns.values():
        found |= {value for value in set(values) if isinstance(value, str)}
    return [term for term in terms() if term in found]
