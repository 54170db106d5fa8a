"""Which words belong to which topic: those that topics.txt uses in one topic only."""
import re

from topics import FAVOURITES, TOPICS

COMMON = set("the a an and of in on at it is to with for from very he she they we".split())


def words_of(topic):
    t = TOPICS[topic]
    text = " ".join([topic] + t["say"] + sum((t[k] for k in ("thing", "adj", "does", "place")), []))
    return {w.lower() for w in re.findall(r"[A-Za-z]+", text.replace("{", " {")) if len(w) > 2} - COMMON


def topic_words():
    """{topic: set of lower-case words}; a word of several topics goes to none."""
    words = {t: words_of(t) for t in TOPICS}
    count = {}
    for ws in words.values():
        for w in ws:
            count[w] = count.get(w, 0) + 1
    own = {}
    for t, ws in words.items():
        things = {w for x in TOPICS[t]["thing"] for w in x.lower().split()}
        own[t] = {w for w in ws if count[w] == 1 or (w in things and count[w] <= 2)}
    return own


def kinds():
    """Words that name a kind of thing across topics, e.g. all animals."""
    return {c: {i.split()[-1].lower() for i, _ in items} for c, items in FAVOURITES.items()}
