"""What scripts/setup rests on: locks that pin, paths that agree, the same bytes from the converter."""

import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOST = re.compile(r"https?://|(registry|pypi|files)\.[a-z]+")


def setup(*arguments, **environment):
    command = [ROOT / "scripts" / "setup", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ | environment, check=False)


def paths(**environment):
    done = setup("paths", **environment)
    assert done.returncode == 0, done.stderr
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def test_every_lock_pins_by_sum_and_names_no_host():
    rows = [line.split() for line in (ROOT / "deps.lock").read_text().splitlines() if line and not line.startswith("#")]
    assert rows and all(len(row) == 6 and re.fullmatch("[0-9a-f]{64}", row[5]) for row in rows)
    packages = json.loads((ROOT / "tests/e2e/package-lock.json").read_text())["packages"]
    assert all("integrity" in package and "resolved" not in package for name, package in packages.items() if name)
    requirements = (ROOT / "tests/requirements.txt").read_text()
    names = re.findall(r"^[a-z0-9-]+==\S+", requirements, re.M)
    assert names and requirements.count("==") == len(names) and "--hash=sha256:" in requirements
    for file in ("deps.lock", "tests/requirements.txt", "tests/e2e/package-lock.json", "configs/models.yaml"):
        assert not HOST.search((ROOT / file).read_text()), file


def test_the_cache_can_be_elsewhere_and_is_keyed_by_compiler(tmp_path):
    here = paths(NIMA_CACHE=str(tmp_path))
    assert all(value.startswith(str(tmp_path)) for value in here.values())
    other = tmp_path / "cc"
    other.write_text("#!/bin/sh\necho '#define ANOTHER_COMPILER 1'\n")
    other.chmod(0o755)
    there = paths(NIMA_CACHE=str(tmp_path), NIMA_DEPS_CC=str(other))
    assert there["NIMA_LLAMA_DIR"] != here["NIMA_LLAMA_DIR"]
    assert there["NIMA_YYJSON_DIR"] == here["NIMA_YYJSON_DIR"]


def test_wrong_usage_is_exit_code_2():
    assert setup("no-such-verb").returncode == 2 and setup("help").returncode == 0


def published_model(path):
    config = {"num_hidden_layers": 1, "max_position_embeddings": 8, "hidden_size": 4, "intermediate_size": 8,
              "num_attention_heads": 2, "layer_norm_eps": 1e-12, "type_vocab_size": 2}
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {text: i for i, text in enumerate([*special, "word", "##ing"])}
    tokenizer = {"model": {"vocab": vocabulary},
                 "added_tokens": [{"content": t, "id": vocabulary[t], "special": True} for t in special]}
    values = struct.pack("<4f", 1, 0.5, -2, 0)
    tensors = {"encoder.layer.0.attention.self.query.weight": values, "embeddings.LayerNorm.bias": values,
               "pooler.dense.weight": values}
    header, blob = {}, b""
    for name, data in tensors.items():
        header[name] = {"dtype": "F32", "shape": [4], "data_offsets": [len(blob), len(blob) + len(data)]}
        blob += data
    text = json.dumps(header).encode()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("tokenizer.json", json.dumps(tokenizer))
        archive.writestr("model.safetensors", struct.pack("<Q", len(text)) + text + blob)


def test_the_converter_writes_the_same_bytes_and_marks_the_pieces(tmp_path):
    published_model(tmp_path / "model.zip")
    sums = set()
    for target in (tmp_path / "a.gguf", tmp_path / "b.gguf"):
        command = [sys.executable, ROOT / "scripts/convert-minilm.py", tmp_path / "model.zip", target]
        subprocess.run(command, check=True)
        sums.add(hashlib.sha256(target.read_bytes()).hexdigest())
    assert len(sums) == 1
    data = target.read_bytes()
    assert data[:4] == b"GGUF" and struct.unpack_from("<I", data, 4)[0] == 3
    assert struct.unpack_from("<Q", data, 8)[0] == 2, "the pooler is left out"
    assert "\u2581word".encode() in data and b"\x03\0\0\0\0\0\0\0ing" in data and b"##ing" not in data
    assert b"blk.0.attn_q.weight" in data and b"token_embd_norm.bias" in data
    assert struct.pack("<4e", 1, 0.5, -2, 0) in data, "a matrix is halved"
    assert struct.pack("<4f", 1, 0.5, -2, 0) in data, "a bias is not"


def test_a_broken_archive_is_one_line(tmp_path):
    (tmp_path / "model.zip").write_bytes(b"no zip")
    command = [sys.executable, ROOT / "scripts/convert-minilm.py", tmp_path / "model.zip", tmp_path / "x.gguf"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1 and not (tmp_path / "x.gguf").exists()
