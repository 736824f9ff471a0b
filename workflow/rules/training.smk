# The initialisation that a dense and seven sparse networks share, and their training (paper, appendix A.4).


rule init:
    input:
        info=DATASET["info"],
    output:
        model=f"{CELL}/init/{{seed}}/model.pt",
    log:
        "results/logs/init/{dataset}/{architecture}/{seed}.log",
    benchmark:
        "results/benchmarks/init/{dataset}/{architecture}/{seed}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(2000),
        runtime=10,
    params:
        cfg=lambda w: {
            "architecture": w.architecture,
            "architecture_options": study.options(w.architecture),
            "seed": int(w.seed),
        },
        code=lambda w: code_hash("init.py", architecture_code(w)),
    script:
        "../scripts/init.py"


rule train_dense:
    input:
        **DATASET,
        init=rules.init.output.model,
    output:
        model=f"{CELL}/dense/{{seed}}/model.pt",
        record=f"{CELL}/dense/{{seed}}/training.json",
        early=f"{CELL}/dense/{{seed}}/early.pt",
    log:
        "results/logs/train_dense/{dataset}/{architecture}/{seed}.log",
    benchmark:
        "results/benchmarks/train_dense/{dataset}/{architecture}/{seed}.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(4000),
        runtime=rising(240),
        gpu=GPU,
    params:
        cfg=lambda w: {**training_cfg(w), "rewind": study.rewind},
        code=lambda w: code_hash("train.py", architecture_code(w)),
    script:
        "../scripts/train.py"


rule train_sparse:
    input:
        **DATASET,
        init=trained_from,
        mask=f"{NETWORK}/mask.npz",
    output:
        model=f"{NETWORK}/model.pt",
        record=f"{NETWORK}/training.json",
    log:
        "results/logs/train_sparse/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}.log",
    benchmark:
        "results/benchmarks/train_sparse/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}.tsv"
    wildcard_constraints:
        pruning=any_of(study.methods["prune"] + study.controls),
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(4000),
        runtime=rising(240),
        gpu=GPU,
    params:
        cfg=training_cfg,
        code=lambda w: code_hash("train.py", architecture_code(w)),
    script:
        "../scripts/train.py"
