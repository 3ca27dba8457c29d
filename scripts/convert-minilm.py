#!/usr/bin/env python3
"""Turns the published all-MiniLM-L6-v2 (safetensors and tokenizer in a zip) into a GGUF file for llama.cpp.

Only Python's standard library is used, and the same input gives the same bytes on every machine, so that the
catalogue (configs/models.yaml) can name the SHA-256 of the result. Token texts are stored as llama.cpp wants
them: U+2581 in front of a word's first piece, and `##` taken off the others. Token ids do not change.
"""

import argparse
import array
import json
import os
import struct
import sys
import zipfile

GGUF_VERSION = 3
ALIGNMENT = 32
F32, F16 = 0, 1
KV_U32, KV_I32, KV_F32, KV_BOOL, KV_STRING, KV_ARRAY = 4, 5, 6, 7, 8, 9
TOKEN_NORMAL, TOKEN_UNKNOWN, TOKEN_CONTROL = 1, 2, 3
POOLING_MEAN = 1

LAYER_NAMES = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}
EMBEDDING_NAMES = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.LayerNorm": "token_embd_norm",
}
HALVED = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_up", "ffn_down")


def gguf_name(name):
    """The GGUF name of a safetensors tensor; None for those that embeddings do not need."""
    stem, _, kind = name.rpartition(".")
    if stem in EMBEDDING_NAMES:
        return f"{EMBEDDING_NAMES[stem]}.{kind}"
    if stem.startswith("encoder.layer."):
        number, _, rest = stem.removeprefix("encoder.layer.").partition(".")
        return f"blk.{number}.{LAYER_NAMES[rest]}.{kind}"
    return None


def string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def kv(key, kind, value):
    head = string(key) + struct.pack("<I", kind)
    if kind == KV_STRING:
        return head + string(value)
    return head + struct.pack({KV_U32: "<I", KV_F32: "<f", KV_BOOL: "<?"}[kind], value)


def kv_array(key, kind, values):
    head = string(key) + struct.pack("<IIQ", KV_ARRAY, kind, len(values))
    if kind == KV_STRING:
        return head + b"".join(string(v) for v in values)
    return head + struct.pack(f"<{len(values)}i", *values)


def read_vocabulary(archive):
    tokenizer = json.loads(archive.read("tokenizer.json"))
    vocabulary = tokenizer["model"]["vocab"]
    tokens = [None] * len(vocabulary)
    for text, number in vocabulary.items():
        tokens[number] = text
    special = {t["content"]: t["id"] for t in tokenizer["added_tokens"] if t["special"]}
    kinds, texts = [], []
    for text in tokens:
        if text in special:
            kinds.append(TOKEN_UNKNOWN if text == "[UNK]" else TOKEN_CONTROL)
            texts.append(text)
        else:
            kinds.append(TOKEN_NORMAL)
            texts.append(text[2:] if text.startswith("##") else "\u2581" + text)
    return texts, kinds, special


def read_tensors(archive):
    data = archive.read("model.safetensors")
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + size])
    tensors = []
    for name, entry in header.items():
        target = None if name == "__metadata__" else gguf_name(name)
        if target is None:
            continue
        if entry["dtype"] != "F32":
            raise ValueError(f"tensor {name} is {entry['dtype']}, not F32")
        begin, end = entry["data_offsets"]
        tensors.append((target, entry["shape"], data[8 + size + begin : 8 + size + end]))
    return sorted(tensors)


def halve(data):
    floats = array.array("f", data)
    if sys.byteorder == "big":
        floats.byteswap()
    return struct.pack(f"<{len(floats)}e", *floats)


def metadata(config, vocabulary):
    texts, kinds, special = vocabulary
    return [
        kv("general.architecture", KV_STRING, "bert"),
        kv("general.name", KV_STRING, "all-MiniLM-L6-v2"),
        kv("general.license", KV_STRING, "apache-2.0"),
        kv("bert.block_count", KV_U32, config["num_hidden_layers"]),
        kv("bert.context_length", KV_U32, config["max_position_embeddings"]),
        kv("bert.embedding_length", KV_U32, config["hidden_size"]),
        kv("bert.feed_forward_length", KV_U32, config["intermediate_size"]),
        kv("bert.attention.head_count", KV_U32, config["num_attention_heads"]),
        kv("bert.attention.layer_norm_epsilon", KV_F32, config["layer_norm_eps"]),
        kv("bert.attention.causal", KV_BOOL, False),
        kv("bert.pooling_type", KV_U32, POOLING_MEAN),
        kv("tokenizer.ggml.model", KV_STRING, "bert"),
        kv("tokenizer.ggml.pre", KV_STRING, "default"),
        kv("tokenizer.ggml.token_type_count", KV_U32, config["type_vocab_size"]),
        kv_array("tokenizer.ggml.tokens", KV_STRING, texts),
        kv_array("tokenizer.ggml.token_type", KV_I32, kinds),
        kv("tokenizer.ggml.unknown_token_id", KV_U32, special["[UNK]"]),
        kv("tokenizer.ggml.seperator_token_id", KV_U32, special["[SEP]"]),  # llama.cpp's own spelling
        kv("tokenizer.ggml.padding_token_id", KV_U32, special["[PAD]"]),
        kv("tokenizer.ggml.cls_token_id", KV_U32, special["[CLS]"]),
        kv("tokenizer.ggml.mask_token_id", KV_U32, special["[MASK]"]),
    ]


def convert(source, target, half):
    with zipfile.ZipFile(source) as archive:
        config = json.loads(archive.read("config.json"))
        pairs = metadata(config, read_vocabulary(archive))
        tensors = read_tensors(archive)
    infos, blobs, offset = [], [], 0
    for name, shape, data in tensors:
        kind = F32
        if half and name.endswith(".weight") and name.split(".")[-2] in HALVED:
            kind, data = F16, halve(data)
        dims = list(reversed(shape))
        infos.append(string(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset))
        blobs.append(data + b"\0" * (-len(data) % ALIGNMENT))
        offset += len(blobs[-1])
    head = b"GGUF" + struct.pack("<IQQ", GGUF_VERSION, len(tensors), len(pairs))
    head += b"".join(pairs) + b"".join(infos)
    partial = f"{target}.tmp"
    with open(partial, "wb") as out:
        out.write(head + b"\0" * (-len(head) % ALIGNMENT))
        for blob in blobs:
            out.write(blob)
        out.flush()
        os.fsync(out.fileno())
    os.replace(partial, target)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", help="the zip with model.safetensors, tokenizer.json and config.json")
    parser.add_argument("target", help="the GGUF file to write")
    parser.add_argument("--type", choices=("f32", "f16"), default="f16", help="of the layers' matrices")
    args = parser.parse_args()
    try:
        convert(args.source, args.target, args.type == "f16")
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        print(f"convert-minilm: {args.source} cannot be converted: {error}; download it again", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
