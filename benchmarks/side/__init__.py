"""Ours and a peer's code in turns: what is timed, and how; see benchmarks/side_by_side.py."""
