"""python -m lilims_convert.train: the former name of python -m lilims_training train, accepted until 2.0."""

import sys

from . import moved

if __name__ == "__main__":
    sys.exit(moved.run("lilims_convert.train", "train", sys.argv[1:]))
