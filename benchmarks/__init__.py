"""What is promised about speed, each figure beside its floor, both measured in the same run.

`python -m benchmarks` measures everything, `python -m benchmarks NAME…` only that. Nothing is
asserted: machines differ, and so do minutes on the same machine; ratios stay. With `--quick`
everything runs once and briefly: that shows that it runs, its figures say nothing.
"""
