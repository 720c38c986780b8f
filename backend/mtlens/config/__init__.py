"""What an experiment file may say, as frozen and validated models, and the hashes that name experiments and runs."""

from mtlens.config import arms as arms  # registers them among the kinds of runs
