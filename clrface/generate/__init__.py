"""Generate colour faces of no real person by MobileStyleGAN, for training and the shipped test set.

    generate_faces(Drawing(count=12600, seed=0), Path("data/raw/mobilestylegan"), Path("data/raw/generated_train"))

Needs the extra `generate` (OpenVINO) and the source `mobilestylegan`; nothing else in the project
does.
"""
