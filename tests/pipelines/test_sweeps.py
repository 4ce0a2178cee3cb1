from __future__ import annotations


def test_no_sweeps_yet(workplace, kerascnn):
    done = kerascnn("sweeps")
    assert done.code == 0
    assert done.out.startswith("no sweeps yet in sqlite://")
    missing = kerascnn("sweeps", "show", "latest")
    assert (missing.code, missing.err) == (
        2,
        "Error: no sweep 'latest': 'kerascnn sweep MODEL DATASET' makes one\n",
    )
