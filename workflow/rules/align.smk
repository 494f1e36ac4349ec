"""Align: faces to the template, a chunk a job."""


rule align:
    input:
        align_inputs,
    output:
        directory("data/aligned/{dataset}/{chunk}"),
    log:
        "results/logs/align/{dataset}.{chunk}.log",
    benchmark:
        "results/benchmarks/align/{dataset}.{chunk}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        args=align_args,
        entries=entries_digest,
        code=fingerprint("clrface.align.chunk"),
    shell:
        step("align {params.args} --out {output}")


rule align_training:
    input:
        align_training_needs,
    output:
        directory("data/training/{dataset}/{chunk}"),
    log:
        "results/logs/align_training/{dataset}.{chunk}.log",
    benchmark:
        "results/benchmarks/align_training/{dataset}.{chunk}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        size=config["resolution"],
        chunk_size=TRAINING_CHUNK,
        chunk=lambda wildcards: int(wildcards.chunk),
        entries=lambda wildcards: training_digest(),
        args=align_training_args,
        code=fingerprint("clrface.align.chunk"),
    shell:
        step(
            "align --dataset {wildcards.dataset} {params.args}"
            " --raw data/raw/{wildcards.dataset} --splits train val --chunk {params.chunk}"
            " --chunk-size {params.chunk_size} --size {params.size} --out {output}"
        )


rule align_gallery:
    input:
        align_inputs,
    output:
        directory("data/gallery/{dataset}"),
    log:
        "results/logs/align_gallery/{dataset}.log",
    benchmark:
        "results/benchmarks/align_gallery/{dataset}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    params:
        args=gallery_args,
        manifest=lambda wildcards: short_digest(Path(f"clrface/catalogue/manifests/{wildcards.dataset}.csv").read_text()),
        code=fingerprint("clrface.align.chunk"),
    shell:
        step("align {params.args} --out {output}")
