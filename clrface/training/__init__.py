"""Training: the stages, all run by the same loop.

A stage trains one network, or trains another stage's network further (`decoder` the autoencoder's,
`refiner` the prior's). clrface.stages says which stage needs which.
"""

from clrface.torchvision_import import prepare

prepare()
