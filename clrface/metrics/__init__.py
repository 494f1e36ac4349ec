"""Metrics, one module a family: psnr, ssim, lpips, niqe, set_distances, identity, landmarks,
recognition.

Each has literal `CARDS`, one a metric, and the classes that they name. `registry` finds metrics by
id; `protocols` groups them. The other modules are what families share. clrface.evaluation runs
metrics over folders of images.
"""
