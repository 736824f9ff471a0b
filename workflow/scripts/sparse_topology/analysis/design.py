"""The design of a study, in the words of the pool and its tables.

Imports nothing: figures and the page read it without the analysis itself.
"""

NETWORK = ["dataset", "architecture", "pruning", "sparsity", "seed"]

# A cell: networks that differ in their seed alone. In three orders, since the order of the columns sorts the rows, and
# so decides which networks a seeded draw takes.
CELL = NETWORK[:-1]
TABLE_CELL = ["dataset", "architecture", "sparsity", "pruning"]
TASK = ["architecture", "sparsity", "dataset"]  # in which the algorithms are ranked
RANKED_CELL = [*TASK, "pruning"]

# The two views of section 4.2 and the column that each holds fixed.
SCENARIOS = {"sparsity_fixed": "sparsity", "architecture_fixed": "architecture"}
FOLDS = 5  # of a cross-validation (section 4.2.1)

# What the densities of a network's layers say of it (analysis/path_score.py).
LAYER_SCORES = ["log_density_sum", "path_score"]
LAYER_METRICS = ["layer_density", "delta_r", "delta_r_imdb", "lambda_imsg"]
# What the algorithms are ranked by in section 4.3, beside a random order; ours_further is the mixture of all those
# topometrics of a study that has some which the paper does not.
MIXTURES = ["ours", "ours_further"]
STRATEGIES = [*MIXTURES, *LAYER_METRICS]

PRUNING_AT_INITIALISATION = ["snip", "grasp", "synflow", "prospr"]
LAYERWISE_RANDOM = ["uniform", "er", "erk"]
# The sets of algorithms that are ranked (None: all that a study has) and the paper's table of each.
SUBSETS = {"all": None, "pruning_at_initialisation": PRUNING_AT_INITIALISATION, "layerwise_random": LAYERWISE_RANDOM}
RANKING_TABLES = {"all": 4, "pruning_at_initialisation": 11, "layerwise_random": 12}


def strategies(found) -> list[str]:
    """All strategies in the order in which they are shown; layer metrics that the paper does not have are among them if
    they are in `found`."""
    return [*STRATEGIES, *sorted({*found} - {*STRATEGIES, "random"}), "random"]


def shared_metrics(columns) -> list[str]:
    """The layer metrics of tables/layers.csv: those whose share of the sum over the layers it has."""
    return [name.removesuffix("_share") for name in columns if name.endswith("_share")]
