"""Word problems of one to four steps, with the solution reasoned step by step.

A problem is a chain: an opening sets a quantity, middle steps change it, an
ending asks for something.  Every sentence names the person and the thing it is
about; a fixed sixth of all (person, thing) pairs belongs to the held-out set,
so held-out problems share no sentence with training ones.
"""
import zlib

BOYS = """Tom Ben Sam Max Leo Jack Adam Luke Paul Mark Peter David Kenji Omar
Carlos Ivan Noah Hugo Oscar Felix""".split()
GIRLS = """Anna Mia Emma Lily Zoe Kate Sara Lucy Rosa Nina Maria Julia Yuki Aisha
Clara Ruth Eva Grace Ella Ivy""".split()
NAMES = BOYS + GIRLS

FOOD = """apples pears plums oranges lemons cherries grapes eggs cookies cakes
nuts carrots tomatoes onions potatoes""".split()
OTHER = """books pens pencils cards stamps coins stones shells balls toys marbles
stickers flowers roses buttons balloons candles cups plates bottles hats shirts
socks tickets bricks ropes baskets photos stars keys""".split()
GOODS = """book hat shirt ball kite lamp toy bag cup game watch coat cake map
guitar bike chair pen clock drum""".split()
WORK = """homework reading swimming running drawing cooking singing cleaning
painting gardening football chess music dancing""".split()
BOXES = "box bag basket jar pack shelf".split()
PLURAL = dict(box="boxes", bag="bags", basket="baskets", jar="jars", pack="packs",
              shelf="shelves")
HELDOUT_SHARE = 6


def is_heldout(name, thing):
    return zlib.crc32(f"{name}/{thing}".encode()) % HELDOUT_SHARE == 0


class NoThing(Exception):
    """This person has no thing of the wanted kind on this side of the split."""


class Numbers:
    """Operands of one difficulty: small up to 20, middle up to 99, large up to 999."""

    TOP = dict(small=20, middle=99, large=999)

    def __init__(self, rng, level):
        self.rng, self.level, self.top = rng, level, self.TOP[level]

    def start(self):
        return self.rng.randint(max(2, self.top // 10), self.top)

    def gain(self, a):
        return self.rng.randint(2, max(3, self.top // 2))

    def lose(self, a):
        """Something to take from a, or None when too little is there."""
        return self.rng.randint(1, a - 1) if a >= 3 else None

    def times(self):
        return self.rng.randint(2, 5 if self.level == "small" else 9)

    def each(self):
        return self.rng.randint(2, dict(small=10, middle=15, large=60)[self.level])

    def divisor(self, a):
        fits = [k for k in range(2, 11) if a % k == 0 and a // k > 1]
        return self.rng.choice(fits) if fits else None


class Problem:
    def __init__(self, rng, level, heldout):
        self.rng, self.n, self.heldout = rng, Numbers(rng, level), heldout
        self.name = rng.choice(NAMES)
        boy = self.name in BOYS
        self.his, self.he = ("His", "he") if boy else ("Her", "she")
        self.friend = rng.choice([x for x in NAMES if x != self.name])
        self.question, self.solution, self.steps = [], [], 0
        self.value = 0

    def thing(self, things):
        mine = [t for t in things if is_heldout(self.name, t) == self.heldout]
        if not mine:
            raise NoThing
        return self.rng.choice(mine)

    def say(self, *choices):
        self.question.append(self.rng.choice(choices))

    def work(self, *choices):
        self.solution.append(self.rng.choice(choices))
        self.steps += 1

    def relative(self):
        who = self.rng.choice("mother father sister brother uncle aunt friend teacher".split())
        return f"{self.his} {who}"

    def text(self):
        return " ".join(self.question), " ".join(self.solution) + f"\n#### {self.value}"


class Things(Problem):
    """Somebody has apples, gets some, gives some away."""

    def open(self, room):
        r, n, N = self.rng, self.n, self.name
        self.O = O = self.thing(FOOD + OTHER)
        kind = r.choice(["has", "has", "has", "boxes", "days", "two"]) if room else "has"
        if kind == "has":
            self.value = a = n.start()
            self.say(f"{N} has {a} {O}.", f"{N} starts with {a} {O}.",
                     f"There are {a} {O} in the room of {N}.")
            self.solution.append(r.choice([f"{N} starts with {a} {O}.",
                                           f"At first {N} has {a} {O}."]))
        elif kind == "boxes":
            k, m, b = n.times(), n.each(), r.choice(BOXES)
            self.value = k * m
            self.say(f"{N} has {k} {PLURAL[b]} with {m} {O} in each {b}.",
                     f"{N} buys {k} {PLURAL[b]} of {O} with {m} {O} in each {b}.")
            self.work(f"{N} has {k} * {m} = {k * m} {O} in the {PLURAL[b]}.",
                      f"In the {k} {PLURAL[b]} {N} has {k} * {m} = {k * m} {O}.")
        elif kind == "days":
            k, m = n.times(), n.each()
            self.value = k * m
            self.say(f"{N} gets {m} {O} every day for {k} days.",
                     f"For {k} days {N} finds {m} {O} each day.")
            self.work(f"In {k} days {N} gets {k} * {m} = {k * m} {O}.")
        else:
            a, b = n.start(), n.gain(0)
            self.value = a + b
            self.say(f"{N} gets {a} {O} on Monday and {b} {O} on Tuesday.",
                     f"{N} has {a} red {O} and {b} blue {O}.")
            self.work(f"Together {N} has {a} + {b} = {a + b} {O}.")

    def middle(self, room):
        r, n, N, O, a = self.rng, self.n, self.name, self.O, self.value
        kinds = ["gain", "lose", "gain", "lose", "double", "half"] + ["packs"] * (room >= 2)
        kind = r.choice(kinds)
        F = self.friend
        if kind == "lose" and (b := n.lose(a)):
            lost = [f"{N} gives {b} {O} to {F}.", f"{N} loses {b} {O}.",
                    f"{N} sells {b} {O}.", f"{self.relative()} takes {b} {O} from {N}."]
            self.say(*(lost + [f"{N} eats {b} {O}."] * 2 if O in FOOD else lost))
            self.value = a - b
            self.work(f"{N} is left with {a} - {b} = {a - b} {O}.",
                      f"Then {N} has {a} - {b} = {a - b} {O}.")
        elif kind == "half" and a % 2 == 0 and a > 2:
            self.say(f"{N} gives half of the {O} to {F}.", f"{N} loses half of the {O}.")
            self.value = a // 2
            self.work(f"Half of the {O} of {N} is {a} / 2 = {a // 2} {O}.")
        elif kind == "double" and a < 500:
            self.say(f"{self.relative()} doubles the {O} of {N}.",
                     f"Then the number of {O} that {N} has is doubled.")
            self.value = a * 2
            self.work(f"Now {N} has {a} * 2 = {a * 2} {O}.")
        elif kind == "packs":
            k, m, b = n.times(), n.each(), r.choice(BOXES)
            self.say(f"{N} buys {k} more {PLURAL[b]} with {m} {O} in each {b}.")
            self.work(f"The new {PLURAL[b]} of {N} hold {k} * {m} = {k * m} {O}.")
            self.value = a + k * m
            self.work(f"So {N} has {a} + {k * m} = {self.value} {O}.")
        else:
            b = n.gain(a)
            self.say(f"{N} buys {b} more {O}.", f"{self.relative()} gives {N} {b} more {O}.",
                     f"{N} finds {b} more {O}.", f"{F} gives {b} {O} to {N}.")
            self.value = a + b
            self.work(f"Now {N} has {a} + {b} = {a + b} {O}.",
                      f"Then {N} has {a} + {b} = {a + b} {O}.")

    def close(self, room):
        r, n, N, O, a, F = self.rng, self.n, self.name, self.O, self.value, self.friend
        kinds = ["more", "fewer", "times", "share", "fill", "sell"] if room == 1 else \
            ["together", "together times"] if room == 2 else ["now"]
        kind = r.choice(kinds)
        if kind in ("share", "fill") and not n.divisor(a):
            kind = "sell"
        if kind == "now":
            self.say(f"How many {O} does {N} have now?", f"How many {O} does {N} have in the end?",
                     f"How many {O} does {N} have?")
        elif kind == "share":
            k = n.divisor(a)
            self.say(f"{N} shares the {O} equally among {k} friends.")
            self.say(f"How many {O} does each friend of {N} get?")
            self.value = a // k
            self.work(f"Each friend of {N} gets {a} / {k} = {a // k} {O}.")
        elif kind == "fill":
            k, b = n.divisor(a), r.choice(BOXES)
            self.say(f"{N} puts {k} {O} into each {b}.")
            self.say(f"How many {PLURAL[b]} of {O} does {N} fill?")
            self.value = a // k
            self.work(f"{N} fills {a} / {k} = {a // k} {PLURAL[b]} of {O}.")
        elif kind == "sell":
            k = n.times()
            self.say(f"{N} sells all the {O} for {k} dollars each.")
            self.say(f"How many dollars does {N} get for the {O}?")
            self.value = a * k
            self.work(f"{N} gets {a} * {k} = {a * k} dollars for the {O}.")
        else:
            self.compare(kind)

    def compare(self, kind):
        n, N, O, a, F = self.n, self.name, self.O, self.value, self.friend
        b = n.lose(a) if kind == "fewer" else None
        if kind in ("times", "together times"):
            k = n.times()
            self.say(f"{F} has {k} times as many {O} as {N}.")
            other = a * k
            self.work(f"{F} has {a} * {k} = {other} {O}, {k} times as many as {N}.")
        elif b:
            self.say(f"{F} has {b} fewer {O} than {N}.")
            other = a - b
            self.work(f"{F} has {a} - {b} = {other} {O}, fewer than {N}.")
        else:
            b = n.gain(a)
            self.say(f"{F} has {b} more {O} than {N}.")
            other = a + b
            self.work(f"{F} has {a} + {b} = {other} {O}, more than {N}.")
        self.value = other
        if kind.startswith("together"):
            self.say(f"How many {O} do {N} and {F} have together?")
            self.value = a + other
            self.work(f"Together {N} and {F} have {a} + {other} = {self.value} {O}.")
        else:
            self.say(f"{N} counts the {O} of {F}.", f"{F} shows the {O} to {N}.")
            self.say(f"How many {O} does {F}, the friend of {N}, have?")


class Money(Problem):
    """Somebody earns dollars and buys things."""

    def open(self, room):
        r, n, N = self.rng, self.n, self.name
        self.goal = self.thing(GOODS)
        if room and r.random() < 0.4:
            k, m, w = n.times(), n.each(), self.thing(WORK)
            self.say(f"{N} earns {m} dollars an hour and works {k} hours to buy a {self.goal}.",
                     f"To buy a {self.goal} {N} works {k} hours for {m} dollars an hour.")
            self.value = k * m
            self.work(f"For the {self.goal} {N} earns {k} * {m} = {k * m} dollars.")
        else:
            self.value = n.start() + 5
            self.say(f"{N} has {self.value} dollars and wants to buy a {self.goal}.",
                     f"{N} saves {self.value} dollars for a {self.goal}.")
            self.solution.append(f"{N} has {self.value} dollars for the {self.goal}.")

    def middle(self, room):
        r, n, N, a = self.rng, self.n, self.name, self.value
        X = self.thing(GOODS)
        if room >= 2 and r.random() < 0.3:
            k, m = n.times(), n.each()
            self.say(f"{N} sells {k} {X}s for {m} dollars each.")
            self.work(f"For the {X}s {N} gets {k} * {m} = {k * m} dollars.")
            self.value = a + k * m
            self.work(f"With the money for the {X}s {N} has {a} + {k * m} = {self.value} dollars.")
        elif r.random() < 0.55 and (b := n.lose(a)):
            self.say(f"{N} pays {b} dollars for a {X}.", f"{N} buys a {X} for {b} dollars.")
            self.value = a - b
            self.work(f"After the {X} {N} has {a} - {b} = {a - b} dollars.")
        else:
            b = n.gain(a)
            self.say(f"{N} sells a {X} for {b} dollars.",
                     f"{self.relative()} gives {N} {b} dollars for a {X}.")
            self.value = a + b
            self.work(f"With the money for the {X} {N} has {a} + {b} = {a + b} dollars.")

    def close(self, room):
        n, N, a, G = self.n, self.name, self.value, self.goal
        if room == 0:
            self.say(f"How many dollars does {N} have for the {G}?",
                     f"How many dollars can {N} spend on the {G}?")
            return
        price = n.gain(a) if self.rng.random() < 0.4 else (n.lose(a) or 1)
        if room == 1 and price < a:
            self.say(f"{N} pays {price} dollars for the {G}.")
            self.say(f"How many dollars does {N} have after buying the {G}?")
            self.value = a - price
            self.work(f"After buying the {G} {N} has {a} - {price} = {a - price} dollars.")
        else:
            total = a + price
            self.say(f"The {G} that {N} wants costs {total} dollars.")
            self.say(f"How many more dollars does {N} need for the {G}?")
            self.value = total - a
            self.work(f"For the {G} {N} needs {total} - {a} = {total - a} more dollars.")


class Time(Problem):
    """Somebody spends minutes on something."""

    def open(self, room):
        r, n, N = self.rng, self.n, self.name
        self.W = W = self.thing(WORK)
        if room and r.random() < 0.5:
            k, m = n.times(), n.each()
            self.say(f"{N} spends {m} minutes a day on {W} for {k} days.",
                     f"On each of {k} days {N} spends {m} minutes on {W}.")
            self.value = k * m
            self.work(f"In {k} days {N} spends {k} * {m} = {k * m} minutes on {W}.")
        else:
            self.value = n.start()
            self.say(f"{N} spends {self.value} minutes on {W} in the morning.",
                     f"On Monday {N} spends {self.value} minutes on {W}.")
            self.solution.append(f"First {N} spends {self.value} minutes on {W}.")

    def middle(self, room):
        n, N, W, a = self.n, self.name, self.W, self.value
        if self.rng.random() < 0.3 and a < 500:
            k = n.times() if a < 40 else 2
            self.say(f"Next week {N} spends {k} times as many minutes on {W}.")
            self.value = a * k
            self.work(f"Next week {N} spends {a} * {k} = {a * k} minutes on {W}.")
        elif self.rng.random() < 0.6:
            b = n.gain(a)
            self.say(f"Later {N} spends {b} more minutes on {W}.",
                     f"In the evening {N} adds {b} minutes of {W}.")
            self.value = a + b
            self.work(f"With the new minutes {N} has {a} + {b} = {a + b} minutes of {W}.")
        else:
            b = n.lose(a) or 1
            self.say(f"But {b} minutes of the {W} of {N} were only rest.",
                     f"{N} does not count {b} minutes of {W}.")
            self.value = a - b
            self.work(f"Without the rest {N} has {a} - {b} = {a - b} minutes of {W}.")

    def close(self, room):
        n, N, W, a, F = self.n, self.name, self.W, self.value, self.friend
        if room == 0:
            self.say(f"How many minutes of {W} does {N} have in all?",
                     f"How many minutes of {W} does {N} have?")
            return
        b = n.gain(a)
        self.say(f"{F} spends {b} minutes more than {N} on {W}.")
        self.value = a + b
        self.work(f"{F} spends {a} + {b} = {a + b} minutes on {W}, more than {N}.")
        if room == 1:
            self.say(f"How many minutes does {F}, the friend of {N}, spend on {W}?")
        else:
            self.say(f"How many minutes do {N} and {F} spend on {W} together?")
            self.value = a + a + b
            self.work(f"Together {N} and {F} spend {a} + {a + b} = {self.value} minutes on {W}.")


def problem(rng, steps, level, heldout):
    """One problem with exactly `steps` steps; its numbers stay below 1000."""
    while True:
        kind = rng.choices([Things, Money, Time], [6, 3, 2])[0]
        p = kind(rng, level, heldout)
        end = rng.choice([0, 1, 1] if kind is Money else [0, 0, 1, 1, 2])
        end = min(end, steps)
        try:
            p.open(steps - end)
            while p.steps < steps - end:
                p.middle(steps - end - p.steps)
            p.close(end)
        except NoThing:
            continue
        if p.steps == steps and 0 < p.value < 1000 and len(p.question) < 10:
            return p
