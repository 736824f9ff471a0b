"""Training of one network, dense or sparse: from its initialisation (and mask) to weights and a training record.

Paper, section 4 and Appendix B: SGD with momentum on cross-entropy, learning rate a tenth at each milestone, test
accuracy of the last epoch. An interrupted training goes on from a checkpoint beside the outputs.
"""

from sparse_topology.job import job
from sparse_topology.pruning.masks import load_masks
from sparse_topology.training.checkpoint import CHECKPOINT_SECONDS, Checkpoint, settings_key
from sparse_topology.training.inputs import network, open_data
from sparse_topology.training.record import portable, write_network, write_weights
from sparse_topology.training.step import Step, train


def main(
    inputs: dict, outputs: dict, cfg: dict, threads: int, code: str = "", checkpoint_seconds: float = CHECKPOINT_SECONDS
) -> None:
    """inputs: train_images, train_labels, test_images, test_labels, info (dataset.json), init, and mask unless dense.

    outputs: model, record, and of a dense network `early`, the network after epoch cfg["rewind"] (or at its end, if
    that comes first). cfg: the recipe (learning_rate, momentum, weight_decay, batch_size, epochs, milestones,
    device), architecture, architecture_options and seed. code: the rule's code hash.
    """
    data = open_data(inputs, cfg, threads)
    masks = load_masks(inputs["mask"]) if "mask" in inputs else {}
    model = network(inputs["init"], masks, data.facts, cfg, data.device)
    step = Step(model, data.images, data.labels, data.facts, masks, cfg)
    files = [inputs[name] for name in ("info", "init", "mask") if name in inputs]
    checkpoint = Checkpoint(outputs["model"], settings_key(cfg, code, data.device, files), checkpoint_seconds)
    resume = checkpoint.read()
    if resume:
        print(f"going on after epoch {len(resume['curve']['train_loss'])}, from {checkpoint.path.name}")
    early = (resume or {}).get("early") or (portable(model) if cfg.get("rewind") == 0 else None)

    def save(done: dict) -> None:
        nonlocal early
        if len(done["curve"]["train_loss"]) == cfg.get("rewind"):
            early = portable(model)
        checkpoint.save(done | {"early": early})

    outcome = train(step, data.test, cfg, save, resume)
    if "early" in outputs:
        write_weights(early or portable(model), outputs["early"])
    about = {"stage": "train_sparse" if masks else "train_dense", "settings": cfg, "threads": threads}
    write_network(model, masks, outcome, data, about, outputs)
    checkpoint.remove()


if __name__ == "__main__":
    with job(snakemake.log[0]):
        names = dict(snakemake.input.items()), dict(snakemake.output.items())
        main(*names, snakemake.params.cfg, snakemake.threads, snakemake.params.code)
