"""Metrics, a module a family: psnr, ssim, lpips, niqe, set_distances, identity, landmarks, recognition.

Each has literal `CARDS`, one a metric, and the classes that they name. `registry` finds them by id, `protocols` puts them together; the
other modules are what families share. clrface.evaluation runs them over folders of images.
"""
