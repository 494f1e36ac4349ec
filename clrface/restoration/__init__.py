"""Restore: run one method over a chunk of degraded faces; and CLR-Face's own inference."""

from clrface.torchvision_import import prepare

prepare()
