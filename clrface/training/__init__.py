"""Training: one stage a network (autoencoder -> irn -> prior -> mask; unet), all run by the same loop."""
