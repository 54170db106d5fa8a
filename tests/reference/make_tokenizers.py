#!/usr/bin/env python3
"""Write tokenizers.txt: what the PyPI package `tokenizers` makes of difficult text.

One small byte-level BPE is trained on lines without any pre-tokenizer, so that its
merges reach across every border a pre-tokenizer could draw: where ours cuts
differently, the ids differ.  The same merges are then run behind the pre-tokenizers
of known models, written as their tokenizer.json has them, by another regex engine
and another BPE.

    python3 tests/reference/make_tokenizers.py > tests/reference/tokenizers.txt

Lines: "merge LEFT RIGHT" (ids: 256 bytes in the order of the alphabet's code points,
then one id a merge), "word PIECE" (a piece no merge reaches), "case HEX", then for
each pre-tokenizer "pre NAME" and a line of three-digit hexadecimal ids a case, or
"=" where they are those of the first pre-tokenizer.
"""
import io
import json

from tokenizers import Regex, Tokenizer, models, pre_tokenizers as pt, trainers

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
TAIL = r"\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + TAIL
QWEN2 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + TAIL
QWEN35 = CONTRACTIONS + (r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|" + TAIL)
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"


def cased(end):
    first = r"[^\r\n\p{L}\p{N}]?"
    return f"{first}{UPPER}*{LOWER}+{end}|{first}{UPPER}+{LOWER}*{end}"


GPT4O = cased(CONTRACTIONS + "?") + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + TAIL
TEKKEN = cased("") + r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|" + TAIL
DEEPSEEK3 = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
             r"| ?[\p{P}\p{S}]+[\r\n]*|" + TAIL)
EXAONE_MOE = (CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}"
              r"| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+")


def split(*patterns):
    stages = [pt.Split(Regex(p), "isolated") for p in patterns]
    return pt.Sequence(stages + [pt.ByteLevel(add_prefix_space=False, use_regex=False)])


BYTE_LEVEL = pt.ByteLevel(add_prefix_space=False, use_regex=True)
FAMILIES = {
    "gpt-2": BYTE_LEVEL,
    "llama-bpe": split(LLAMA3),
    "qwen2": split(QWEN2),
    "qwen35": split(QWEN35),
    "smollm": pt.Sequence([pt.Digits(individual_digits=True), BYTE_LEVEL]),
    "gpt-4o": split(GPT4O),
    "tekken": split(TEKKEN),
    "deepseek-v3": split(r"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", DEEPSEEK3),
    "deepseek-coder": split(r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-\ud7ff]+", r"\p{N}"),
    "bloom": split(r" ?[^(\s|.,!?…。，、।۔،)]+"),
    "superbpe": split(r"\p{N}+", r"(?=(\d{3})+(?!\d))"),
    "tiny_aya": split(r"\d{1,3}(?=(?:\d{3})*\b)", GPT4O),
    "exaone-moe": split(EXAONE_MOE),
}
WHOLE = {"llama-bpe", "tekken"}         # a whole word in the vocabulary needs no merges

CASES = r"""The quick brown fox jumps over the lazy dog.
I've been told he's there, they're sure it'll do; I'd say we'RE DON'T'S 'Tis o'clock
CamelCaseWords and HTTPServerError2 in snake_case_names, kebab-case too
1 12 123 1234 12345 123456 1234567 3.14159 1,000,000 0x1F 1e-9 ½ ² ٣٤٥ १२३४ Ⅷ
1234abc abc1234 12ab34 ５６７８
x = foo(bar[3], {"k": 'v'});\t// comment\n\tif (a != b && c >= d) { return -1; }\n
def f(x):\n    return x ** 2\n\n\n  # done  \n
   leading and trailing   \n \n  \n\t\t\n x
a\r\nb\r\n\r\n c\r d
tabs\t\tand \t mixed \t\n white  space   here
naïve café Ångström ﬁne straße ÉCOLE Œuvre ǅungla
Ὀδυσσεύς Москва Ёлка ЩУКА ГОРОД привет'с
नमस्ते दुनिया क्षत्रिय ১২৩ বাংলা ไทยภาษา ကမ္ဘာ
السلام عليكم يا عالم، كيف حالك؟ ۱۲۳
שָׁלוֹם עולם
中文字符测试，你好世界。人工智能２０２４年 3月
日本語のテスト、カタカナとひらがな。東京タワーは333mです
한국어 문장입니다 가나다 ㄱㄴㄷ
e\u0301 a\u0300b n\u0303o \u0928\u093f Z\u0351\u0321algo\u0489
😀 😀😁 👩‍👩‍👧‍👦 🇩🇪🇫🇷 👍🏽 ❤️ ©®™ → ≤ ∑ € £5 ¥10
a\u00a0b\u2003c\u3000d\u200be\u180ef\u0085g\u2028h\u2029i\ufeffj\u202fk\u2060l
“Smart quotes” ‘single’ — dash… ellipsis！？：；（全角）
!!!??? ... ---- ==== #### $$$ %%% ^^^ &&& *** ((())) [[[]]] {{{}}} ~~~ ``` /// \\\\\\ ||| <<< >>>
http://example.com/path?q=1&r=a%20b#frag user@mail.org C:\\Temp\\x.txt /usr/bin/env
<s>[INST] <<SYS>> hi <</SYS>> [/INST] <|im_start|>user
'S 'ſ 'LL 'll ''s s' 'sx 'Re're
A  B   C    D     E
 x  y\n\n\n\nz\n \n  \n   w
İstanbul'da ıssız I'M ı'm
\u0000\u0001\u001f\u007f\u0080\u009f\u00ad
\U0001d54f\U0001d7d8 \U00010400\U00010428 \U0001f1e6 \U000e0041 \ufffd\uffff
mm m² H₂O 10⁻³ x₁ №5 ℃ ㎏ Ⅳ ⅷ ① ㊿ 一二三 百
word extraordinarily unbelievable words extraordinarily
don't can't won't y'all'd've rock'n'roll O'Neill's
"""


def cases():
    out = ["", " ", "  ", "\n", "a", "'", "\n\n", " \n", "\t", "0", "🙂", "ab\n"]
    for line in CASES.splitlines():
        out.append(line.encode("latin-1", "backslashreplace").decode("unicode_escape"))
    return out


def train(texts):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pt.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(vocab_size=256 + 1000, min_frequency=1, show_progress=False, max_token_length=9,
                                  initial_alphabet=pt.ByteLevel.alphabet())
    tok.train_from_iterator(texts * 2, trainer)
    model = json.loads(tok.to_str())["model"]
    return [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in model["merges"]]


def main():
    texts = cases()
    merges = train(texts)
    words = ["\u0120extraordinarily", "\u0120words", "12345", "\u0120dog."]
    vocab = {c: i for i, c in enumerate(sorted(pt.ByteLevel.alphabet()))}
    for a, b in merges:
        vocab.setdefault(a + b, len(vocab))
    for w in words:
        vocab.setdefault(w, len(vocab))
    out = io.StringIO()
    for a, b in merges:
        print("merge", a, b, file=out)
    for w in words:
        print("word", w, file=out)
    for t in texts:
        print("case", t.encode().hex(), file=out)
    first = None
    for name, pre in FAMILIES.items():
        tok = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=name in WHOLE))
        tok.pre_tokenizer = pre
        got = [tok.encode(t).ids for t in texts]
        print("pre", name, file=out)
        for i, ids in enumerate(got):
            same = first is not None and ids == first[i]
            print("=" if same else "".join("%03x" % v for v in ids), file=out)
        first = first or got
    print(out.getvalue(), end="")


if __name__ == "__main__":
    main()
