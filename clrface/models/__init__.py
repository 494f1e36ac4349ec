"""The networks, and how they are read and written.

VQ autoencoder, one-step U-Net (baseline and IRN), identity head, latent mask, recogniser, code
predictor, discriminator. The diffusion networks are diffusers' UNet2DModel (`unet.latent_unet`).
"""

from clrface.torchvision_import import prepare

prepare()
