# Methods that find their mask during or after training: mask, trained network and record in one job, at the paths where
# `prune` and `train_sparse` put theirs.


include: "functions/sparsify.smk"


rule sparsify:
    input:
        unpack(first_weights),
        **DATASET,
    output:
        mask=f"{NETWORK}/mask.npz",
        model=f"{NETWORK}/model.pt",
        record=f"{NETWORK}/training.json",
    log:
        "results/logs/sparsify/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}.log",
    benchmark:
        "results/benchmarks/sparsify/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}.tsv"
    wildcard_constraints:
        pruning=any_of(study.methods["sparsify"]),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(4000),
        runtime=rising(1440),
        gpu=GPU,
    params:
        cfg=lambda w: {**training_cfg(w), "sparsity": float(w.sparsity), **study.sparsify_options(w.pruning)},
        code=lambda w: code_hash(f"sparsify_{w.pruning}.py", architecture_code(w)),
    script:
        "../scripts/sparsify_{wildcards.pruning}.py"
