"""The tokenizer: byte-level BPE whose merges come from our own corpus.

Digits stand alone and text is then cut as GPT-2 does it; GGUF readers know this
cut as "smollm".  <|endoftext|> is token 0: it begins and ends every document.
"""
import argparse

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END = "<|endoftext|>"


def lines(files, limit):
    """The lines of the first `limit` bytes of each file."""
    for path in files:
        with open(path, "rb") as f:
            yield from f.read(limit).decode("utf-8").splitlines(keepends=True)


def train(text, n_vocab):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(text, trainers.BpeTrainer(
        vocab_size=n_vocab, special_tokens=[END], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tok


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--out", required=True)
    p.add_argument("--vocab", type=int, default=2816)
    p.add_argument("--limit", type=int, default=8000000, help="bytes read of each file")
    p.add_argument("files", nargs="+")
    a = p.parse_args()
    train(lines(a.files, a.limit), a.vocab).save(a.out)


if __name__ == "__main__":
    main()
