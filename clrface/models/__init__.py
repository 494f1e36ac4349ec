"""The networks: autoencoder, one-step U-Net (baseline and IRN), latent mask, recogniser; the prior
is diffusers' UNet2DModel.
"""

from clrface.torchvision_import import prepare

prepare()
