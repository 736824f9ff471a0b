# One mask per network, from the initialisation alone (paper, section 4 and appendix A.3).


rule prune:
    input:
        **DATASET,
        init=rules.init.output.model,
    output:
        mask=f"{NETWORK}/mask.npz",
    log:
        "results/logs/prune/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}.log",
    benchmark:
        "results/benchmarks/prune/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}.tsv"
    wildcard_constraints:
        pruning=any_of(study.methods["prune"]),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(4000),
        runtime=60,
        gpu=GPU,
    params:
        cfg=lambda w: {
            "architecture": w.architecture,
            "architecture_options": study.options(w.architecture),
            "sparsity": float(w.sparsity),
            "seed": int(w.seed),
            "batch_size": study.recipe(w.dataset, w.architecture)["batch_size"],
            **study.options(w.pruning),
        },
        code=lambda w: code_hash(f"prune_{w.pruning}.py", architecture_code(w)),
    script:
        "../scripts/prune_{wildcards.pruning}.py"
