"""Model conversion: a checkpoint comes in, a model folder (docs/model-contract.md) goes out.

The stages, in the order in which data passes them:

    checkpoint   tensors and the architecture they belong to, by canonical names
    weights      how each tensor is stored in the package (dense fp16; quantised kinds plug in here)
    families     the network as a MIL program, one module per family
    package      the .mlpackage on disk, the same bytes for the same input
    manifest     manifest.json: what the folder holds, and its hash
    conversion   the ordered list of named steps that runs the stages above

Beside them: `stories`, `vocabulary`, `network`, `optimiser` and `train` make the small model that ships with the
repository; `reference` is an independent numpy forward pass, `shipped` puts one over a model folder, `evaluate` and
`sampling` use it, `golden` and `golden_tokenizer` write the fixtures of the Swift tests; `tiny` is the model of tests.

Conversion never downloads anything and never looks at the clock: the same input gives the same bytes.
"""

import logging

__version__ = "1.0.0"

# On import coremltools says, in nine lines, that prediction needs macOS; conversion does not predict.
logging.getLogger("coremltools").setLevel(logging.ERROR)
