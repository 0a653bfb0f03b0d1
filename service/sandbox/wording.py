"""The wording of goals, as a young person, a parent or a clinician might put it; all invented.

A goal is one start and one ending of the same theme and often a tail, so that a few hundred
fragments make several thousand goals. Now and then a goal names an invented friend, as real goal text names
people: whoever shares or exports it must treat it as identifying.

Source: domain facts section 1 (goals are personal free text in the owner's words).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.sandbox import names

if TYPE_CHECKING:
    from service.sandbox.codes import Rater
    from service.sandbox.draws import Draws

_FRIEND_SHARE = 0.05
_TAIL_SHARE = 0.7
SECONDARY_SCHOOL_FROM = 11

Theme = tuple[tuple[str, ...], tuple[str, ...]]

CHILD: tuple[Theme, ...] = (
    (
        ("I want to sleep in my own bed", "Go to sleep by myself", "Stay in my room at night", "Not be scared of the dark",
         "Turn the big light off", "Sleep without Mum on the landing"),
        ("four nights a week", "all week", "when it is windy", "with just my owl lamp on", "until the clock turns blue",
         "even after a bad dream", "when I stay at Gran's"),
    ),
    (
        ("I want to walk into school", "Get out of the car", "Stay in class", "Put my hand up", "Eat my lunch in the hall",
         "Line up with the others", "Do the register out loud"),
        ("without my tummy hurting", "on Mondays", "every day", "with my class", "even when it is loud",
         "and not go to the office", "when there is a new teacher"),
    ),
    (
        ("When I am cross I want to", "Before I shout I want to", "When it goes wrong I want to", "If I lose a game I want to"),
        ("stomp five times and stop", "go to my den", "squeeze my ball and count", "tell someone it is a red feeling",
         "not throw things", "say it in words", "have a do-over"),
    ),
    (
        ("I want to play with", "Sit next to", "Share my cards with", "Go on the climbing frame with", "Ask to join in with"),
        ("someone at break", "one new person a week", "my cousins", "the others at football", "the kids at the corner table",
         "my sister for ten minutes"),
    ),
    (
        ("I want the worry bug to be", "Make my worries", "Keep my worry voice"),
        ("small enough for my pocket", "quiet at bedtime", "wait for worry time", "smaller than my brave voice",
         "go away when I do my breathing", "shorter than a song"),
    ),
    (
        ("I want to try", "Taste", "Eat one bite of"),
        ("one new food a week", "what my family eats on Sundays", "school dinner on Wednesdays", "something green",
         "something that is touching something else"),
    ),
)  # fmt: skip

TEEN: tuple[Theme, ...] = (
    (
        ("To go to sleep", "I want to be asleep", "Get my sleep back so I'm off my phone", "Stop lying awake and drop off"),
        ("before midnight on school nights", "by half eleven most days", "without going over the whole day",
         "within half an hour", "even before an exam", "without needing a video on", "at least five nights out of seven"),
    ),
    (
        ("Get into school", "Make it through a full day", "Go to maths", "Stay in lessons", "Go back to form time",
         "Get to college", "Sit in the canteen"),
        ("three days a week", "without texting home", "even if I'm late", "after half term and keep it up",
         "when I've had a bad night", "without hiding in the loos", "and tell one teacher if it gets too much"),
    ),
    (
        ("To meet up with friends", "Reply to messages", "Go to things I've said yes to", "Start one conversation",
         "Get the bus into town", "Go back to training"),
        ("once a week", "even when I'd rather cancel", "without rehearsing it for hours", "and stay till the end",
         "without feeling everyone's looking", "and enjoy some of it", "with someone I trust"),
    ),
    (
        ("When it kicks off at home I want to", "When I'm angry I want to", "Before I blow up I want to",
         "If someone winds me up I want to"),
        ("walk away and come back later", "say what's wrong instead of slamming doors", "use my headphones and cool down",
         "not end up in a row with my brother", "text the family group that I need ten minutes", "sort it out the same day"),
    ),
    (
        ("To feel", "I want to feel", "To have more days when I feel"),
        ("like me again", "less flat in the mornings", "that I can look forward to something", "ok in my own skin",
         "like getting up is worth it", "proud of one thing a day", "less guilty about everything", "bothered about music again"),
    ),
    (
        ("To have a panic and", "When my chest goes tight,", "If it starts on the bus,"),
        ("know it'll pass", "stay where I am", "use my breathing and carry on", "not have to go home",
         "tell one person", "be able to go back the next day"),
    ),
    (
        ("To do my drawing", "Play guitar", "Get back to baking", "Go running", "Finish the things I start", "Read again"),
        ("twice a week", "for me and nobody's marks", "without picking it to bits", "when I feel low",
         "and show it to someone", "instead of scrolling", "until it feels normal"),
    ),
    (
        ("To talk to Mum", "Talk to someone in my family", "Let Dad know", "Be able to tell my tutor"),
        ("when it's getting bad", "before it gets too big", "without it turning into an argument",
         "about what happened, in my own time", "what helps and what doesn't", "that I need quiet, not advice"),
    ),
    (
        ("To eat", "Have a proper meal", "Be ok with food"),
        ("with the others at lunch", "three times a day", "without the numbers in my head", "in front of people",
         "when plans change", "at my cousin's party"),
    ),
    (
        ("To be kinder to myself", "Notice the mean voice", "Catch it when I compare myself"),
        ("and answer it back", "after a bad mark", "when I look at photos", "at least once a day",
         "the way I would be to a friend", "without someone having to tell me"),
    ),
)  # fmt: skip

CARER: tuple[Theme, ...] = (
    (
        ("For us to get out of the door", "To have a calm breakfast", "For homework to get started", "For bedtime to happen"),
        ("on school days without a row", "four days out of five", "with one reminder", "without me losing my patience",
         "without tears on either side"),
    ),
    (
        ("To know what to do", "To feel sure of myself", "To have a plan we both agree on"),
        ("when the worry takes over", "when it all gets too loud", "at the school gate", "when the shouting starts",
         "on the bad evenings"),
    ),
    (
        ("For our family to", "For the two of us to", "As a family, to"),
        ("do one nice thing together a week", "eat together three evenings a week", "talk about it without blame",
         "manage a trip out and stay", "have one evening without a crisis"),
    ),
    (
        ("For my child to come to me", "To hear about it from my child first", "For school and home to tell each other"),
        ("when things go wrong", "before it boils over", "what worked that day", "when a day has been hard"),
    ),
)  # fmt: skip

CLINICIAN: tuple[Theme, ...] = (
    (
        ("To have two ways of calming down", "To use the worry ladder", "To keep a short sleep diary", "To practise the plan"),
        ("that work at school as well as here", "on three days a week", "between sessions, with help from home",
         "and bring it along", "until it needs no prompting"),
    ),
    (
        ("To agree who does what", "To have one adult at school who knows the plan", "To use the safety plan"),
        ("when things get difficult", "before the end of term", "each time the warning signs show", "and review it together"),
    ),
)  # fmt: skip

# Five levels from much less (-2) to much more (+2) than expected, for goal attainment scaling.
ATTAINMENT: tuple[tuple[str, tuple[str, str, str, str, str]], ...] = (
    ("Go into school in the mornings",
     ("no mornings a week", "one morning a week", "three mornings a week", "four mornings a week", "every morning")),
    ("Sleep in my own room",
     ("no nights a week", "two nights a week", "four nights a week", "six nights a week", "every night")),
    ("Eat with the others",
     ("never", "once a week", "three times a week", "five times a week", "every day")),
    ("See friends outside school",
     ("not at all", "once a month", "once a week", "twice a week", "whenever I like")),
)  # fmt: skip

ENDINGS = (
    "We stop when two of the goals are at 7 or more for a month, or after 16 sessions.",
    "We look at it together every term and finish when it feels steady for six weeks.",
    "We finish after twelve sessions whatever the scores, and talk about what comes next before that.",
    "We end when school is managed four days a week; if not by the summer we try another way.",
    "We agreed that anyone can ask to stop, and that the last session is for saying what helped.",
)

REASONS = (
    "Worries that get in the way of school", "Low mood for some months", "Trouble sleeping and feeling on edge",
    "Outbursts at home and at school", "Not going to school", "Panic on buses and in crowds",
    "Feeling alone and giving up hobbies", "Eating very little with others", "A big loss in the family",
    "Fears at night", "Hurting themselves when upset",
)  # fmt: skip

TASKS: dict[str, tuple[str, ...]] = {
    "young-person": (
        "Try the next step on my ladder twice a week", "Write three lines in my notebook on bad days",
        "Tell someone when I have used my plan", "Pick one thing to look forward to each week",
    ),
    "carer": (
        "Keep the evening routine and note what helps", "Send school a short note on Fridays",
        "Ring the team if the warning signs show", "Come to every third session",
    ),
    "school": (
        "Keep a quiet room free at lunch", "One named adult checks in on Mondays and Thursdays",
        "Send work home in small parts", "Let lessons begin with a seat by the door",
    ),
    "agency": (
        "Meet weekly or fortnightly and rate goals each time", "Keep the plan up to date and share it",
        "Call the agencies together once a term", "Answer messages within two working days",
    ),
}  # fmt: skip

RISK_SUPPORT: dict[str, tuple[str, ...]] = {
    "warning-signs": (
        "Going very quiet and giving things away", "Not sleeping for two nights", "Saying that nothing matters any more",
    ),
    "what-helps": (
        "Sit with me, do not ask questions straight away", "Walk the dog with someone", "Music on, phone away, warm drink",
    ),
    "keeping-safe": (
        "Medicines locked away; someone at home at night", "Agreed check-in by message at nine",
        "Bedroom door stays ajar until we agree otherwise",
    ),
    "who-to-call": (
        "The coordinator in the day, the crisis line at night, 999 if in danger",
        "The named adult at school first, then the team",
    ),
}  # fmt: skip


CHILD_TAILS = (
    "by my birthday", "before the holidays", "so I can go on the school trip", "and show my teacher",
    "like I did last summer", "and put it on my chart", "with my thumbs up", "most days", "for a whole week",
    "so I can go to the sleepover", "and feel brave", "when I am ready",
)  # fmt: skip
TEEN_TAILS = (
    "by the end of term", "by Easter", "so I can do my exams", "so I can go on the trip", "like I used to",
    "most of the time", "for a month", "so it stops running everything", "and not beat myself up if I can't",
    "on my own terms", "before my birthday", "and keep doing it in the holidays", "without anyone making a fuss",
    "so I can start the course in September", "even on a bad week",
)  # fmt: skip
ADULT_TAILS = (
    "by the end of term", "for four weeks running", "most weeks", "before the summer", "whoever is at home",
    "and to keep it going afterwards", "with less worry about getting it wrong",
)  # fmt: skip


def goal(draws: Draws, owner: Rater, age: int) -> str:
    """A goal in its owner's words."""
    themes: tuple[Theme, ...]
    tails: tuple[str, ...]
    match owner:
        case "carer":
            themes, tails = CARER, ADULT_TAILS
        case "clinician":
            themes, tails = CLINICIAN, ADULT_TAILS
        case _:
            themes, tails = (CHILD, CHILD_TAILS) if age < SECONDARY_SCHOOL_FROM else (TEEN, TEEN_TAILS)
    starts, endings = draws.pick(themes)
    text = f"{draws.pick(starts)} {draws.pick(endings)}"
    if draws.happens(_TAIL_SHARE):
        text = f"{text} {draws.pick(tails)}"
    if draws.happens(_FRIEND_SHARE):
        text = f"{text}, like {names.given(draws)} does"
    return text
