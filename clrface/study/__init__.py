"""Studies of CLR-Face itself: quality against cost over a grid of settings, and where the mask lets
guidance act.
"""
