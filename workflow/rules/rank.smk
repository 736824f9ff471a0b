# Which pruning algorithm to choose, before anything is trained (paper, section 4.3, with importances learned elsewhere).


include: "functions/rank.smk"


# The untrained network is encoded with the weights at initialisation.
use rule encode as rank_encode with:
    input:
        geometry=rules.geometry.output.geometry,
        model=rules.init.output.model,
        mask=rules.prune.output.mask,
    output:
        mge_blocks=f"{RANKED}/mge/blocks.npz",
    log:
        "results/logs/rank_encode/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}.log",
    benchmark:
        "results/benchmarks/rank_encode/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}.tsv"


use rule metric as rank_metric with:
    input:
        mge_blocks=rules.rank_encode.output.mge_blocks,
    output:
        f"{RANKED}/metrics/{{metric}}.json",
    log:
        "results/logs/rank_metric/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}/{metric}.log",
    benchmark:
        "results/benchmarks/rank_metric/{dataset}/{architecture}/{pruning}/{sparsity}/{seed}/{metric}.tsv"
    params:
        cfg=lambda w: {"encodings": ["mge"], **study.options(w.metric)},
        code=lambda w: code_hash(f"metric_{w.metric}.py"),


rule rank_order:
    input:
        unpack(rank_inputs),
        info=DATASET["info"].format(**study.rank) if study.rank else [],
        evaluation=local(f"{WORKFLOW}/resources/rank-evaluation.csv"),
    output:
        order="results/rank/order.csv",
        recommendation="results/rank/recommendation.txt",
    log:
        "results/logs/rank_order.log",
    benchmark:
        "results/benchmarks/rank_order.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=rising(1000),
        runtime=10,
    params:
        networks=[rank_record(n) for n in study.ranked],
        cfg={**study.rank, "method": study.rank_method, "left_out": study.unranked},
        code=lambda w: code_hash(f"rank_by_{study.rank_method}.py"),
    script:
        f"../scripts/rank_by_{study.rank_method}.py"
