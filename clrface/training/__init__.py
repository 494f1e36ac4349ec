"""Training: one stage a network (autoencoder -> prior; unet -> irn; mask), all run by the same
loop.
"""

from clrface.torchvision_import import prepare

prepare()
