"""Where a conversion's tensors come from: files of other projects, read without trust.

    blocks        the types of ggml: blocks of quantised values, decoded to float32
    gguf          one GGUF file: metadata and where each tensor lies
    safetensors   a Hugging Face directory: config.json and the tensors of its shards
    tensors       a tensor as a source offers it, and views of it (rows permuted, transposed, shifted)

Files are mapped, not loaded: a tensor is read in runs of rows when it is stored, and its pages are given back after.
Whatever a file says of lengths and offsets is checked against the file's size before it is used; what does not hold
raises `SourceError`, one line that names the file.
"""


class SourceError(ValueError):
    """A source file that cannot be used; the text says which, where and why."""


def shown(value: object) -> str:
    """A value as an error names it: files may hold long ones."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
