"""Model conversion: from a checkpoint to a model folder (docs/model-contract.md).

The stages, in the order in which data passes through them:

    checkpoint   tensors by canonical names, and the architecture they belong to
    weights      how each tensor is stored in the package: dense fp16, integers with scales, palettes
    families     the network as a MIL program, one module per family
    package      the .mlpackage on disk, the same bytes for the same input
    manifest     manifest.json: the contents of the folder, and its hash
    conversion   the ordered list of named steps that runs these stages

Beside them: `reference` is an independent forward pass in numpy, `shipped` applies it to a model folder, `evaluate` measures
perplexity with it, `golden` and `golden_tokenizer` write the fixtures of the Swift tests, `vocabulary` trains small
tokenizers. `options` defines the flags that the command lines here and in lilims_training share.

Conversion downloads nothing and does not read the clock: the same input gives the same bytes.
"""

import logging

__version__ = "1.0.0"

# On import coremltools logs nine lines about prediction, which needs macOS. Conversion does not predict.
logging.getLogger("coremltools").setLevel(logging.ERROR)
