"""Building blocks of decoder programs, in fp16, shared by the families.

    network     the network to build, and the interface of docs/model-contract.md as variables
    layouts     memory layout of activations and the matrix products: rows for the GPU, channels for the Neural Engine
    norms       root-mean-square and layer norms that are safe in fp16
    rope        rotary positions
    attention   the key-value cache and attention over it
    decoder     all of these for one function being built: the interface that family modules use

Every operation has an explicit type (there are no automatic precision casts), so the device computes in fp16 exactly what
is written here. Shapes use N tokens per call, C cache slots, Q query heads, K key-value heads, D head width, H hidden width.
"""
