"""Whole photographs: `detect` finds every face, `paste` cuts it out and puts it back, `restorer`
restores one photograph, `folder` many.

`files` reads and writes photographs with all that belongs to them: orientation, EXIF, colour
profile, alpha, 16 bits.
"""
