# What every rule file uses: the paths of one network and the limits of a job.

DATA = "results/data/{dataset}"
CELL = "results/networks/{dataset}/{architecture}"
NETWORK = CELL + "/{pruning}/{sparsity}/{seed}"

DATASET = {
    "train_images": DATA + "/train_images.npy",
    "train_labels": DATA + "/train_labels.npy",
    "test_images": DATA + "/test_images.npy",
    "test_labels": DATA + "/test_labels.npy",
    "info": DATA + "/dataset.json",
}

# Without a GPU nothing is asked for, and as many networks train at once as there are cores.
GPU = int(Path("/proc/driver/nvidia/gpus").exists())


def architecture_code(wildcards):
    """The module that the architecture's word names; the loader finds it by name, so the import closure cannot."""
    return f"snn/architectures/{wildcards.architecture}.py"


def rising(mb):
    """`mem_mb` that doubles with every new submission."""
    return lambda wildcards, attempt: mb * 2 ** (attempt - 1)


def columns(networks):
    """A list of wildcard dicts as the keyword lists that `expand(..., zip, ...)` takes."""
    return {key: [network[key] for network in networks] for key in networks[0]}
