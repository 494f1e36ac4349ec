"""How much of the autoencoder's codebook real faces use: a code that nothing uses is a number for show."""

import json
from pathlib import Path

import torch

from clrface.files import write_text
from clrface.models.autoencoder import Autoencoder
from clrface.models.loading import load_network, move
from clrface.study.sweep import BATCH, Faces


@torch.no_grad()
def write_codebook_use(faces: Faces, weights: Path, device: str, out: Path) -> None:
    """Write `out` (json) for the ground truth of `faces`: `codes` there are, `used` at least once, `perplexity` of their use.

    Perplexity is 2 to the entropy of the codes' frequencies: as many codes, used evenly, would say as much.
    """
    autoencoder = move(load_network(Autoencoder, Path(weights) / "decoder"), device)
    counts = torch.zeros(len(autoencoder.codebook.weight))
    for start in range(0, len(faces.ids), BATCH):
        truth = autoencoder.seen(torch.from_numpy(faces.truth[start : start + BATCH]).to(device))
        counts += torch.bincount(autoencoder.codes(truth)[1].flatten().cpu(), minlength=len(counts))
    share = counts[counts > 0] / counts.sum()
    use = {
        "dataset": faces.dataset,
        "images": len(faces.ids),
        "codes": len(counts),
        "used": int((counts > 0).sum()),
        "perplexity": round(float(torch.exp(-(share * share.log()).sum())), 1),
    }
    write_text(out, json.dumps(use, indent=2) + "\n")
