# Controls of a method, by a suffix on its word: another mask or another start, trained by `train_sparse`.


# Layer counts stay, which weights they are does not.
rule control_shuffled:
    input:
        mask=f"{CELL}/{{base}}/{{sparsity}}/{{seed}}/mask.npz",
    output:
        mask=f"{CELL}/{{base}}_shuffled/{{sparsity}}/{{seed}}/mask.npz",
    log:
        "results/logs/control_shuffled/{dataset}/{architecture}/{base}_shuffled/{sparsity}/{seed}.log",
    benchmark:
        "results/benchmarks/control_shuffled/{dataset}/{architecture}/{base}_shuffled/{sparsity}/{seed}.tsv"
    wildcard_constraints:
        base=any_of(study.known["pruning"]),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        cfg=lambda w: {"pruning": f"{w.base}_shuffled", "seed": int(w.seed)},
        code=lambda w: code_hash("control_shuffled.py"),
    script:
        "../scripts/control_shuffled.py"


# The mask of a seed, trained from the initialisation of another one.
rule control_reinit:
    input:
        mask=f"{CELL}/{{base}}/{{sparsity}}/{{seed}}/mask.npz",
    output:
        mask=f"{CELL}/{{base}}_reinit/{{sparsity}}/{{seed}}/mask.npz",
    log:
        "results/logs/control_reinit/{dataset}/{architecture}/{base}_reinit/{sparsity}/{seed}.log",
    benchmark:
        "results/benchmarks/control_reinit/{dataset}/{architecture}/{base}_reinit/{sparsity}/{seed}.tsv"
    wildcard_constraints:
        base=any_of(study.known["pruning"]),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        code=lambda w: code_hash("control_copy.py"),
    script:
        "../scripts/control_copy.py"


# The last mask of a method that finds it during or after training, fixed from the initialisation on.
rule control_static:
    input:
        mask=f"{CELL}/{{base}}/{{sparsity}}/{{seed}}/mask.npz",
    output:
        mask=f"{CELL}/{{base}}_static/{{sparsity}}/{{seed}}/mask.npz",
    log:
        "results/logs/control_static/{dataset}/{architecture}/{base}_static/{sparsity}/{seed}.log",
    benchmark:
        "results/benchmarks/control_static/{dataset}/{architecture}/{base}_static/{sparsity}/{seed}.tsv"
    wildcard_constraints:
        base=any_of(study.methods["sparsify"]),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        code=lambda w: code_hash("control_copy.py"),
    script:
        "../scripts/control_copy.py"
