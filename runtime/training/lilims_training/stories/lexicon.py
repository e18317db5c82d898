"""The words that fill the slots of a story.

An entry is a word, or a dict of slots that belong together (a kite is stuck in a tree, a boat is not). Every noun that
may follow "a" begins with a consonant sound, so templates need not choose between "a" and "an".
"""

from __future__ import annotations

from collections.abc import Sequence

GIRLS = (
    "Lily Mia Anna Ruby Rosie Bella Daisy Nora Ella Maya Poppy Clara Lucy Tilly Wendy Molly Zoe Hazel Ivy Sara Penny Nina Jane Kate Olive"
).split()
BOYS = (
    "Tom Ben Max Sam Leo Tim Jack Finn Toby Oscar Milo Hugo Peter Theo Billy Danny Felix Henry Jake Luke Noah Otto Rory Simon Will"
).split()
ANIMALS = (
    "bunny bear fox mouse kitten puppy duck turtle frog squirrel hedgehog lamb pony penguin piglet raccoon beaver koala mole goat"
).split()

PRONOUNS = {
    "girl": {"he": "she", "him": "her", "his": "her"},
    "boy": {"he": "he", "him": "him", "his": "his"},
}

Entry = str | dict[str, str]

LISTS: dict[str, Sequence[Entry]] = {
    "size": "little little little small young tiny".split(),
    "trait": "kind brave curious shy cheerful clever gentle playful friendly quiet funny busy".split(),
    "color": "red blue green yellow pink purple white silver golden brown".split(),
    "glad": "happy happy glad".split(),
    "sad": "sad sad upset unhappy".split(),
    "place": [
        "the park",
        "the garden",
        "the meadow",
        "the beach",
        "the forest",
        "the playground",
        "the farm",
        "the river",
        "the big hill",
        "the woods",
        "the old barn",
        "the lake",
        "the stream",
        "the orchard",
    ],
    "hobby": [
        "sing songs",
        "paint pictures",
        "climb trees",
        "read books",
        "jump in puddles",
        "look at the stars",
        "dance",
        "collect shiny stones",
        "build towers",
        "fly kites",
        "chase butterflies",
        "play hide and seek",
        "tell jokes",
        "pick flowers",
        "run in the grass",
        "draw with chalk",
    ],
    "weather": [
        "The sun was shining.",
        "The sky was blue.",
        "It was a warm day.",
        "It was a windy day.",
        "A soft wind blew.",
        "The birds were singing.",
        "The air smelled of flowers.",
        "There were white clouds in the sky.",
    ],
    "toy": (
        "ball;doll;teddy bear;toy car;hat;scarf;book;drum;toy boat;whistle;kite;bell;ring;puppet;"
        "toy train;spinning top;lantern;button;marble;blanket"
    ).split(";"),
    "food": ("cookie;cake;pie;sandwich;pancake;pear;banana;muffin;bun;peach;bowl of berries;slice of bread").split(";"),
    "elder": [
        {"elder": "Mom", "an_elder": "{his} mom", "ehe": "she", "ehim": "her", "ehis": "her"},
        {"elder": "Dad", "an_elder": "{his} dad", "ehe": "he", "ehim": "him", "ehis": "his"},
        {"elder": "Grandma", "an_elder": "{his} grandma", "ehe": "she", "ehim": "her", "ehis": "her"},
        {"elder": "Grandpa", "an_elder": "{his} grandpa", "ehe": "he", "ehim": "him", "ehis": "his"},
    ],
    "spot": [
        "under the bench",
        "behind the big tree",
        "in the tall grass",
        "under the bed",
        "behind the door",
        "next to the pond",
        "under a pile of leaves",
        "in the basket",
        "behind the fence",
        "under the bushes",
        "beside the path",
        "inside an old box",
        "near the gate",
    ],
    "stuck": [
        {"item": "kite", "where": "in a tall tree", "tool": "a long stick", "act": "pushed it free"},
        {"item": "ball", "where": "on the roof", "tool": "a ladder", "act": "climbed up and threw it down"},
        {"item": "toy boat", "where": "in the middle of the pond", "tool": "a fishing net", "act": "pulled it back"},
        {"item": "hat", "where": "on a high branch", "tool": "a broom", "act": "knocked it down"},
        {"item": "bucket", "where": "at the bottom of the well", "tool": "a rope with a hook", "act": "pulled it up"},
        {"item": "balloon", "where": "under the ceiling of the barn", "tool": "a chair", "act": "reached the string"},
        {"item": "cart", "where": "in the deep mud", "tool": "a strong rope", "act": "pulled it out"},
        {"item": "feather", "where": "between two rocks", "tool": "a thin twig", "act": "pulled it out"},
    ],
    "fear": [
        {"fear": "the dark", "brave_act": "turned off the lamp", "sight": "the stars outside the window"},
        {"fear": "deep water", "brave_act": "stepped into the lake", "sight": "tiny silver fish around {his} feet"},
        {"fear": "loud thunder", "brave_act": "looked out of the window", "sight": "bright flashes over the hills"},
        {"fear": "high places", "brave_act": "climbed to the top of the tower", "sight": "the whole village below"},
        {"fear": "big dogs", "brave_act": "held out {his} hand", "sight": "a wagging tail and a pink tongue"},
        {"fear": "the old bridge", "brave_act": "walked across the bridge", "sight": "ducks swimming far below"},
        {"fear": "the deep forest", "brave_act": "walked between the trees", "sight": "a deer with a white spot"},
        {"fear": "the tall slide", "brave_act": "went down the slide", "sight": "the whole park from the top"},
    ],
    "skill": [
        {"skill": "swim", "first_try": "swallowed some water", "later": "swam across the pool"},
        {"skill": "ride a bike", "first_try": "fell on the grass", "later": "rode all the way around the park"},
        {"skill": "whistle", "first_try": "only blew air", "later": "whistled a whole song"},
        {"skill": "skip rope", "first_try": "got tangled in the rope", "later": "skipped twenty times"},
        {"skill": "skate", "first_try": "slipped and fell down", "later": "made a big circle on the ice"},
        {"skill": "play the flute", "first_try": "made a squeaky sound", "later": "played a sweet tune"},
        {"skill": "tie {his} shoes", "first_try": "made a big knot", "later": "made two neat bows"},
        {"skill": "read", "first_try": "mixed up the letters", "later": "read a whole page out loud"},
        {"skill": "juggle", "first_try": "dropped all the balls", "later": "kept three balls in the air"},
        {"skill": "paint a horse", "first_try": "made a brown blob", "later": "painted a horse with a long tail"},
    ],
    "hurt": [
        {"creature": "bird", "hurt": "had a hurt wing", "care": "a soft nest of leaves", "well": "flew up into the sky"},
        {"creature": "butterfly", "hurt": "had a wet wing", "care": "a dry place in the sun", "well": "danced in the air"},
        {"creature": "kitten", "hurt": "had a sore paw", "care": "a warm blanket", "well": "ran around the yard"},
        {"creature": "snail", "hurt": "had a crack in its shell", "care": "a box with fresh leaves", "well": "crawled away"},
        {"creature": "puppy", "hurt": "had a thorn in its paw", "care": "a clean bandage", "well": "jumped up and down"},
        {"creature": "duckling", "hurt": "was cold and lost", "care": "a basket with straw", "well": "swam to its family"},
        {"creature": "rabbit", "hurt": "had a sore leg", "care": "a bed of soft hay", "well": "hopped into the field"},
    ],
    "bake": [
        {"dish": "cake", "mistake": "used salt and not sugar", "taste": "salty"},
        {"dish": "pie", "mistake": "left it in the oven too long", "taste": "burnt"},
        {"dish": "pot of soup", "mistake": "put in too much pepper", "taste": "much too hot"},
        {"dish": "loaf of bread", "mistake": "forgot the yeast", "taste": "as hard as a stone"},
        {"dish": "pudding", "mistake": "forgot the sugar", "taste": "very sour"},
        {"dish": "batch of muffins", "mistake": "spilled the milk", "taste": "too dry"},
    ],
    "broken": [
        {"item": "vase", "cause": "was running in the house", "mend": "glued the pieces together"},
        {"item": "cup", "cause": "was reaching for a cookie", "mend": "put the pieces in a box"},
        {"item": "window", "cause": "was throwing a ball", "mend": "swept up the glass"},
        {"item": "lamp", "cause": "was jumping on the bed", "mend": "fixed the lamp with tape"},
        {"item": "plate", "cause": "was dancing in the kitchen", "mend": "cleaned up the floor"},
        {"item": "flower pot", "cause": "was chasing a fly", "mend": "planted the flower in a new pot"},
    ],
    "gift": [
        {"gift": "necklace", "made_of": "shells and a string"},
        {"gift": "card", "made_of": "paper and dried flowers"},
        {"gift": "picture frame", "made_of": "sticks and glue"},
        {"gift": "crown", "made_of": "yellow leaves"},
        {"gift": "puppet", "made_of": "a sock and two buttons"},
        {"gift": "boat", "made_of": "wood and a white cloth"},
        {"gift": "pillow", "made_of": "soft wool"},
    ],
    "plant": [
        {"seed": "sunflower seed", "grown": "a sunflower as tall as the fence"},
        {"seed": "bean", "grown": "a long green bean plant"},
        {"seed": "pumpkin seed", "grown": "a big round pumpkin"},
        {"seed": "carrot seed", "grown": "a row of sweet carrots"},
        {"seed": "rose seed", "grown": "a bush with red roses"},
        {"seed": "melon seed", "grown": "a sweet green melon"},
        {"seed": "tomato seed", "grown": "a plant with ten red tomatoes"},
    ],
    "weatherturn": [
        {"storm": "It started to rain", "shelter": "a little cave", "after": "a bright rainbow"},
        {"storm": "Dark clouds came and big drops fell", "shelter": "an old barn", "after": "a rainbow over the hills"},
        {"storm": "A cold wind began to blow", "shelter": "a hollow tree", "after": "the warm sun"},
        {"storm": "Snow began to fall", "shelter": "a small wooden hut", "after": "a white and quiet world"},
        {"storm": "Thunder rolled over the fields", "shelter": "a mill by the stream", "after": "a clear blue sky"},
    ],
    "guide": [
        {"guide": "an old owl", "sign": "the tall tower"},
        {"guide": "a friendly farmer", "sign": "the white church"},
        {"guide": "a wise turtle", "sign": "the winding river"},
        {"guide": "a kind bus driver", "sign": "the red bridge"},
        {"guide": "a gray goose", "sign": "the round pond"},
        {"guide": "a small bluebird", "sign": "the crooked tree"},
    ],
    "mystery": [
        {"sound": "a soft tapping", "source": "a woodpecker on the roof"},
        {"sound": "a funny squeak", "source": "a baby mouse in a boot"},
        {"sound": "a low humming", "source": "a bee in a jar"},
        {"sound": "a strange scratching", "source": "a kitten behind the wall"},
        {"sound": "a quiet ringing", "source": "a small bell on a lost goat"},
        {"sound": "a sad meow", "source": "a cat in the shed"},
    ],
}
