"""Building blocks of decoder programs, in fp16, shared by the families.

    network     what a program is built from, and the interface of docs/model-contract.md as variables
    layouts     how activations lie and how matrices are multiplied: rows for the GPU, channels for the Neural Engine
    norms       root-mean-square and layer norms that are safe in fp16
    rope        rotary positions
    attention   the key-value cache and attention over it
    decoder     all of these around one function being built: what family modules talk to

Everything is typed by hand (no automatic precision casts), so what a device computes in fp16 is what is written.
Shapes use N tokens a call, C cache slots, Q query heads, K key-value heads, D head width, H hidden width.
"""
