"""How the config's words are printed, in which order and in which colour: shared by figures and page."""

PRINTED = {
    "digits": "Digits",
    "fashion_mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "tiny_imagenet": "Tiny-ImageNet",
    "conv6": "Conv-6",
    "resnet20": "ResNet-20",
    "resnet32": "ResNet-32",
    "wrn28_2": "Wide-ResNet-28-2",
    "mobilenetv2": "MobileNetV2",
    "conv_small": "Conv-small",
    "resnet_small": "ResNet-small",
    "snip": "SNIP",
    "grasp": "GraSP",
    "synflow": "SynFlow",
    "prospr": "ProsPr",
    "ntksap": "NTK-SAP",
    "set": "SET",
    "rigl": "RigL",
    "itop": "ITOP",
    "snfs": "SNFS",
    "dsr": "DSR",
    "oneshot": "One-shot",
    "gmp": "GMP",
    "imp": "IMP",
    "uniform": "Uniform",
    "er": "ER",
    "erk": "ERK",
    "mge": "Unrolled MGE",
    "rolled": "Rolled BGE",
    "rolled_channel": "Rolled-channel BGE",
    "ours": "Ours",
    "ours_further": "Ours + further metrics",
    "layer_density": "Layer-Density",
    "delta_r": "Δr",
    "delta_r_imdb": "Δr imdb",
    "lambda_imsg": "λ imsg",
    "sink": "sink",
    "source": "source",
    "disconnected": "disconnected",
    "r_out": "r-out",
    "r_in": "r-in",
    "n1": "N1 (1 hop)",
    "n2": "N2 (2 hops)",
    "motif4": "motif (4)",
    "motif3": "motif (3)",
    "strength": "strength",
    "k_core": "k-core",
    "components": "components",
    "component_size": "component size",
    "cut_edges": "cut-edges",
    "cut_nodes": "cut-nodes",
    "spectral_gap": "spectral gap",
    "spectral_radius": "spectral radius",
    "ln_paths": "ln paths",
    "ln_path_kernel_trace": "ln path kernel",
    "live_edges": "live edges",
    "live_channels": "live channels",
    "log_density_sum": "sum of ln density",
    "path_score": "path score",
    "drop": "accuracy drop",
    "random": "random order",
    "sparsity_fixed": "Sparsity-Fixed",
    "architecture_fixed": "Architecture-Fixed",
}

# The paper's Table 2.
TOPOMETRIC_GROUPS = {
    "Local": ["sink", "source", "disconnected", "r_out", "r_in"],
    "Neighbour": ["n1", "n2", "motif4", "motif3"],
    "Strength": ["k_core", "strength"],
    "Global": ["components", "component_size", "cut_edges", "cut_nodes"],
    "Expansion": ["spectral_gap", "spectral_radius"],
}

# After Okabe and Ito, without the yellow, and moved so that each has a contrast of 3 to 1 with white (WCAG 2.2, 1.4.11)
# and all are told apart with any of the common colour-vision deficiencies. Each colour has a shape of its own, which
# says the same again, for print in grey.
PALETTE = ["#0C68A6", "#C78400", "#1C9E6B", "#B44200", "#BD6D96", "#3D9ACD", "#000000"]
SHAPES = ["circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "triangle-right"]
GREY = "#767676"
BLUE, ORANGE, GREEN, VERMILLION, PURPLE, SKY, BLACK = PALETTE

COLOURS = {
    **dict(zip(["snip", "grasp", "synflow", "prospr", "uniform", "er", "erk"], PALETTE, strict=True)),
    **{"mge": BLUE, "rolled": ORANGE, "rolled_channel": GREEN},
    **{"ours": BLUE, "ours_further": SKY},
    **{"layer_density": BLACK, "delta_r": ORANGE, "delta_r_imdb": GREEN, "lambda_imsg": VERMILLION},
}


def printed(word) -> str:
    """The printed name of a config word; a word of the user's own is printed as it is. A control is named after its
    method: "SNIP, shuffled"."""
    base, _, suffix = str(word).rpartition("_")
    if base in PRINTED and suffix in ("shuffled", "reinit", "static"):
        return f"{PRINTED[base]}, {suffix}"
    return PRINTED.get(word, str(word))


def network_title(network: dict) -> str:
    """A sparse network's name for a reader, from its words (and its own name, if it has one)."""
    where = f"{printed(network['architecture'])} on {printed(network['dataset'])}"
    text = f"{where}, {printed(network['pruning'])} at sparsity {float(network['sparsity']):g}"
    return f"{network['name']}: {text}" if "name" in network else text


def in_order(words) -> list:
    """Distinct words, those of PRINTED first and in its order, the others by name; numbers ascending."""
    rank = {word: k for k, word in enumerate(PRINTED)}
    return sorted(set(words), key=lambda w: (rank.get(w, len(rank)), w))


def group_of(topometric: str) -> str:
    """The category of a topometric in the paper's Table 2; one that the paper does not have is "Other"."""
    return next((group for group, members in TOPOMETRIC_GROUPS.items() if topometric in members), "Other")


def by_group(topometrics) -> list[str]:
    """Topometrics in the order of the paper's Table 2, others last."""
    known = [name for members in TOPOMETRIC_GROUPS.values() for name in members]
    found = set(topometrics)
    return [name for name in known if name in found] + sorted(found - set(known))


def colours(words) -> dict:
    """{word: colour}. Known words keep their colour whatever else is shown; the others share the palette in order."""
    others = [word for word in in_order(words) if word not in COLOURS]
    cycle = {word: PALETTE[k % len(PALETTE)] for k, word in enumerate(others)}
    return {word: COLOURS.get(word) or cycle[word] for word in in_order(words)}


def shapes(words) -> dict:
    """{word: shape of its points}, which goes with its colour."""
    return {word: SHAPES[PALETTE.index(colour)] for word, colour in colours(words).items()}
