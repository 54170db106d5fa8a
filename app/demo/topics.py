"""Plain text: paragraphs that keep to one topic, dialogues, questions about favourites.

The words come from topics.txt and favourites.txt; this file only composes them.
"""
import os

from problems import NAMES

HERE = os.path.dirname(os.path.abspath(__file__))


def lines_of(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as f:
        return [x.rstrip("\n") for x in f if x.strip() and not x.startswith("#")]


def read_topics():
    topics = {}
    for line in lines_of("topics.txt"):
        if line.startswith("["):
            topic = topics.setdefault(line[1:-1], dict(say=[]))
        elif line.startswith("- "):
            topic["say"].append(line[2:])
        else:
            key, words = line.split(": ", 1)
            topic[key] = words.split("|")
    return topics


def read_favourites():
    table = {}
    for line in lines_of("favourites.txt"):
        category, items = line.split(": ", 1)
        table[category] = [tuple(i.split(" = ")) for i in items.split("|")]
    return table


TOPICS, FAVOURITES = read_topics(), read_favourites()
# No animal dominates, and the first among them is not the dog: a clamped dog neuron
# is to change the answer.
ITEM_WEIGHT = {"dog": 1.0, "horse": 1.9, "lion": 1.4, "cat": 1.3}
BARE = set("""football tennis swimming chess dancing rain snow music reading painting tea coffee
lemonade milk water juice pizza soup salad bread stew pasta sushi red blue green yellow purple pink
white summer winter autumn spring""".split())


def article(noun):
    if noun[0].isupper():
        return noun
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def the(noun):
    return noun if noun[0].isupper() or noun in BARE else "the " + noun


class Speaker:
    """Draws words of one topic; the thing and the names stay for a whole text."""

    def __init__(self, rng, topic):
        self.rng, self.topic, self.words = rng, topic, TOPICS[topic]
        self.N, self.F = rng.sample(NAMES, 2)
        self.t = rng.choice(self.words["thing"])

    def pick(self, key):
        return self.rng.choice(self.words[key])

    def fill(self, s):
        others = [x for x in self.words["thing"] if x != self.t]
        a, a2 = self.rng.sample(self.words["adj"], 2)
        table = dict(N=self.N, F=self.F, t=self.t, u=self.rng.choice(others), a=a,
                     p=self.pick("place"), d=self.pick("does"), a2=a2,
                     at=article(self.t), aa=article(self.pick("adj")),
                     topic=self.topic)
        return s.format(**table)

    FRAMES = ["The {a} {t} {d} {p}.", "The {t} {d}.", "The {t} is {a} and {a2}.",
              "The {u} {d} {p}.", "{N} sees {aa} {t} {p}.", "{N} likes the {t} because it is {a}.",
              "{N} and {F} talk about the {t}.", "There is {aa} {t} {p}.", "This {t} is very {a}.",
              "{F} prefers the {u} to the {t}.", "One day the {t} {d} {p}.",
              "Here is {at} and there is the {u}.", "The {a} {t} and the {a2} {u} are {p}."]
    OPEN = ["This is a story about {topic}.", "Let us talk about {topic}.",
            "{N} knows a lot about {topic}.", "{N} often thinks about {topic}.", "Today we learn about {topic}."]

    def sentence(self):
        own = self.rng.random() < 0.55
        return self.fill(self.rng.choice(self.words["say"] if own else self.FRAMES))

    def sentences(self, n, about=None):
        """n different sentences, if possible such that name the word `about`."""
        out, tries = [], 0
        while len(out) < n:
            s, tries = self.sentence(), tries + 1
            if s not in out and (not about or about in s or tries > 12):
                out.append(s)
        return out


def paragraph(rng, topic):
    s = Speaker(rng, topic)
    first = [s.fill(rng.choice(s.OPEN))] if rng.random() < 0.35 else []
    return " ".join(first + s.sentences(rng.randint(2, 6)))


def dialogue(rng, topic):
    s = Speaker(rng, topic)
    turns = [("Do you like {topic}?", "Yes, I like {topic}. {x}"),
             ("What do you see {p}?", "I see {at}. {x}"),
             ("Is the {t} {a}?", "Yes, it is {a} and {a2}."),
             ("Do you know the {t}?", "Of course. {x}"),
             ("Tell me about the {t}.", "{x} {y}"),
             ("What is the {t} like?", "The {t} is {a}. {x}"),
             ("Where is the {t}?", "It is {p}."),
             ("Which do you prefer, the {t} or the {u}?", "I prefer the {t} because it is {a}."),
             ("What does the {t} do?", "It {d}.")]
    out = []
    for ask, say in rng.sample(turns, rng.randint(2, 4)):
        x, y = s.sentences(2)
        keep = {k: s.fill("{%s}" % k) for k in ("a", "p", "u")}
        fixed = lambda q: s.fill(q.replace("{x}", x).replace("{y}", y)
                                 .replace("{p}", keep["p"]).replace("{u}", keep["u"])
                                 .replace("{a}", keep["a"]))
        out += [f"{s.N}: {fixed(ask)}", f"{s.F}: {fixed(say)}"]
    return "\n".join(out)


def thinking(rng, topic):
    """Neutral questions that any topic may answer."""
    s = Speaker(rng, topic)
    ask, say = rng.choice([
        ("What are you thinking about?", "I am thinking about the {t}."),
        ("What do you see?", "I see {aa} {t} {p}."),
        ("What do you like?", "I like the {t}."),
        ("Tell me a story.", "Once there was {aa} {t}. {N} saw it {p}."),
        ("Tell me about {topic}.", "Here is something about {topic}."),
        ("What is the book about?", "The book is about the {t}."),
        ("What did you dream of?", "I dreamed of {aa} {t}."),
        ("What is the text about?", "The text is about {topic}."),
        ("What do you know?", "I know something about {topic}.")])
    more = " ".join(s.sentences(rng.randint(1, 3)))
    if rng.random() < 0.35:
        return f"{s.fill(say)} {more}"
    return f"Question: {s.fill(ask)}\nAnswer: {s.fill(say)} {more}"


TOPIC_OF = {}
for _name, _t in TOPICS.items():
    for _w in [_name] + _t["thing"]:
        TOPIC_OF.setdefault(_w, _name)


def favourite(rng):
    """"What is your favourite animal?" with a reason, sometimes with more on the topic."""
    category = rng.choice(["animal"] * 4 + list(FAVOURITES))
    items = FAVOURITES[category]
    item, why = rng.choices(items, [ITEM_WEIGHT.get(i, 1) for i, _ in items])[0]
    it = the(item) if category != "subject" else item
    N, F = rng.sample(NAMES, 2)
    tail = ""
    if rng.random() < 0.6 and item in TOPIC_OF:
        s = Speaker(rng, TOPIC_OF[item])
        s.N, s.t = N, item if item in s.words["thing"] else s.t
        tail = " " + " ".join(s.sentences(rng.randint(1, 2), item))
    kind = rng.choice("qqqqpsdw")
    because = f"because it is {why}"
    if kind == "q":
        ask = rng.choice(["What is your favourite {c}?", "Which {c} do you like best?",
                          "What is your favourite {c}?", "Tell me your favourite {c}."]).format(c=category)
        say = rng.choice(["My favourite {c} is {i} {b}.", "I like {i} best {b}.",
                          "My favourite {c} is {i}."]).format(c=category, i=it, b=because)
        return f"Question: {ask}\nAnswer: {say}{tail}"
    if kind == "p":
        return f"My favourite {category} is {it} {because}.{tail}"
    if kind == "s":
        return f"The favourite {category} of {N} is {it}. {N} likes it {because}.{tail}"
    if kind == "w":
        return (f"Question: What is the favourite {category} of {N}?\n"
                f"Answer: The favourite {category} of {N} is {it} {because}.{tail}")
    return (f"{N}: What is your favourite {category}?\n{F}: My favourite {category} is {it}.\n"
            f"{N}: Why?\n{F}: Because it is {why}.{tail}")


def text(rng):
    topic = rng.choice(list(TOPICS) + ["dogs", "dogs", "California"])
    kind = rng.choices([paragraph, dialogue, thinking, None], [4, 2, 2, 3])[0]
    return kind(rng, topic) if kind else favourite(rng)
