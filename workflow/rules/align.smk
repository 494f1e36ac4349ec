"""Align: faces to the template, a chunk a job."""


rule align:
    input:
        planned(datasets.align_inputs, "dataset"),
    output:
        directory(in_data("aligned/{dataset}/{chunk}")),
    log:
        in_results("logs/align/{dataset}.{chunk}.log"),
    benchmark:
        in_results("benchmarks/align/{dataset}.{chunk}.tsv")
    threads: 1
    params:
        args=planned(datasets.align_args, "dataset", "chunk"),
        entries=planned(datasets.chunk_digest, "dataset", "chunk"),
        code=fingerprint("clrface.align.chunk"),
    shell:
        step("align {params.args} --out {output}")


rule align_training:
    input:
        planned(training.align_inputs, "dataset"),
    output:
        directory(in_data("training/{dataset}/{chunk}")),
    log:
        in_results("logs/align_training/{dataset}.{chunk}.log"),
    benchmark:
        in_results("benchmarks/align_training/{dataset}.{chunk}.tsv")
    threads: 1
    params:
        size=PLAN.resolution,
        chunk_size=training.CHUNK,
        chunk=lambda wildcards: int(wildcards.chunk),
        entries=planned(training.faces_digest, "dataset"),
        args=planned(training.align_args, "dataset"),
        code=fingerprint("clrface.align.chunk"),
    shell:
        step(
            "align --dataset {wildcards.dataset} {params.args}"
            " --raw data/raw/{wildcards.dataset} --splits train val --chunk {params.chunk}"
            " --chunk-size {params.chunk_size} --size {params.size} --out {output}"
        )


rule align_gallery:
    input:
        planned(datasets.align_inputs, "dataset"),
    output:
        directory(in_data("gallery/{dataset}")),
    log:
        in_results("logs/align_gallery/{dataset}.log"),
    benchmark:
        in_results("benchmarks/align_gallery/{dataset}.tsv")
    threads: 1
    params:
        args=planned(datasets.gallery_args, "dataset"),
        manifest=planned(datasets.manifest_digest, "dataset"),
        code=fingerprint("clrface.align.chunk"),
    shell:
        step("align {params.args} --out {output}")
