"""One mistake each: the files, and every finding that there is to be."""

# ruff: noqa: E501 -- a table is read in rows

from __future__ import annotations

from msgspec import Struct

from frontdesk.core.capabilities import EVERYTHING, Capabilities


class Mistake(Struct, frozen=True):
    name: str
    text: str
    """Of `flow.yaml`."""
    found: tuple[str, ...]
    """`line:column code`, or `file line:column code`, in order."""
    says: str
    """A part of the first finding's sentence."""
    others: dict[str, str] = {}
    hosts: tuple[str, ...] | None = None
    has_model: bool = True
    channels: dict[str, Capabilities] = {}


HEAD = "title: Flow\nstarts_on: {first_contact: true}\n"
"""Two lines."""
OTHER = "title: Other\nstarts_on: {keywords: [other]}\nsteps:\n  a: {say: Hi}\n  b: {end: true}\n"
REFUND = (
    "tools:\n  refund:\n    description: Gives money back.\n    call: {host: shop, method: POST, path: /refunds}\n"
    "    confirm: Shall I?\n"
)
TWO_LANGUAGES = {"rules.yaml": "languages: [en, hi]\n"}


def steps(*lines: str, head: str = HEAD) -> str:
    """A flow; the first step stands in line 4."""
    return head + "steps:\n" + "".join(f"  {line}\n" for line in lines)


END = "z: {end: true}"

BOTH = {"main": Capabilities(), "india": Capabilities(sends=EVERYTHING - {"sticker"})}
PLAIN = Capabilities(sends=frozenset({"text", "template"}))


SHAPES = [
    Mistake("no title", "steps:\n  a: {end: true}\n", ("1:1 missing-key",), "needs the key “title”; add it"),
    Mistake("unknown key", steps(END) + "stepz: 1\n", ("5:1 unknown-key",), "did you mean steps"),
    Mistake("text for yes or no", "title: F\nstarts_on: {first_contact: yes}\nsteps: {z: {end: true}}\n",
            ("2:28 wrong-value",), "must be true or false, but here is the text “yes”"),
    Mistake("number for a text", steps("a: {say: 5}", END), ("4:12 wrong-value",), "put it in quotes"),
    Mistake("nothing for a text", steps("a: {say: }", END), ("4:12 wrong-value",), "but here is nothing"),
    Mistake("list for a mapping", "title: F\nsteps: []\n", ("2:8 wrong-value",), "must be a mapping of keys"),
    Mistake("no steps", "title: F\nsteps: {}\n", ("2:8 wrong-value",), "“steps” is empty"),
    Mistake("not a mapping at all", "- a\n", ("1:1 wrong-value",), "The file must be a mapping"),
    Mistake("an empty file", "", ("1:1 wrong-value",), "but here is nothing"),
    Mistake("a bad id", steps("Q: {say: Hi}", END), ("4:3 wrong-value",), "must be a name of the letters a-z"),
    Mistake("an unknown kind", steps("a: {ask: Hm?, expect: txt}", END), ("4:25 wrong-value",), "did you mean text"),
    Mistake("out of range", steps("a: {ask: Hm?, tries: 20}", END), ("4:24 wrong-value",), "a number from 1 to 10"),
    Mistake("a bad span", steps("a: {wait: 10 mins}", END), ("4:13 wrong-value",), 'a span such as "10 minutes"'),
    Mistake("a variable without scope", steps("a: {set: {count: 1}}", END), ("4:13 wrong-value",), "with its scope"),
    Mistake("a bad team", steps("a: {hand_off: {team: Support Team}}"), ("4:24 wrong-value",), "must be a name"),
    Mistake("two verbs", steps("a: {say: Hi, ask: Hm?}", END), ("4:16 two-verbs",), "“a” is say and ask at once"),
    Mistake("no verb", steps("a: {sya: Hi}", END), ("4:6 no-verb",), "did you mean say"),
    Mistake("two messages", steps("a: {say: {text: Hi, image: https://x.example/a.png}}", END), ("4:23 two-verbs",),
            "make two messages of it"),
    Mistake("no message", steps("a: {say: {english: Hi}}", END), ("4:12 no-verb",), "is no message"),
    Mistake("caption of a sound", steps('a: {say: {audio: "https://x.example/a", caption: Hi}}', END),
            ("4:43 unknown-key",), "no key “caption”"),
    Mistake("next of a jump", steps("a: {jump: other, next: z}", END), ("4:20 unknown-key",), "no key “next”",
            {"other.yaml": OTHER}),
    Mistake("off the map", steps("a: {say: {location: {latitude: 91, longitude: 0}}}", END), ("4:34 wrong-value",),
            "from -90 to 90"),
    Mistake("a default of another kind", HEAD + "variables: {flow.a: {type: number, default: x}}\n"
            "steps: {a: {say: '{{ flow.a }}'}, z: {end: true}}\n", ("3:36 wrong-value",), "does not fit its type number"),
    Mistake("a call for ever", steps("a: {call: {host: h, path: /, timeout: 2 hours}, if_failed: z}", END),
            ("4:32 wrong-value",), "at most 60 seconds"),
    Mistake("no way into an answer", HEAD + "variables: {flow.a: text}\nsteps:\n"
            "  a: {call: {host: h, path: /}, save: {flow.a: a..b}}\n  b: {say: '{{ flow.a }}', next: z}\n  z: {end: true}\n",
            ("5:48 wrong-value",), "no way into an answer"),
    Mistake("a silence for nothing", steps("a: {ask: Hm?, silence: [{after: 60}]}", END), ("4:27 missing-key",),
            "Nothing follows this silence"),
    Mistake("no silence at all", steps("a: {ask: Hm?, silence: [{after: 0, say: Hi}]}", END), ("4:28 wrong-value",),
            "at least one second"),
    Mistake("a default of a list", HEAD + "variables: {flow.a: {type: list, default: x}}\n"
            "steps: {a: {say: '{{ flow.a }}'}, z: {end: true}}\n", ("3:34 wrong-value",), "A list has no default"),
    Mistake("everything at once", steps("a: {say: 5}", "b: {wait: 10 mins}", "c: {ask: Hm?, next: y}", END),
            ("4:12 wrong-value", "5:13 wrong-value", "6:23 unknown-step"), "must be a text"),
    Mistake("a hostile name", steps(END), ("Order Status.yaml 1:1 file-name",), "rename the file",
            {"Order Status.yaml": OTHER}),
]  # fmt: skip

YAML = [
    Mistake("anchor", steps("a: &x {say: Hi}", END), ("4:6 yaml",), "Anchors"),
    Mistake("alias", steps("a: {say: *x}", END), ("4:12 yaml",), "aliases"),
    Mistake("merge", steps("<<: {say: Hi}", END), ("4:3 yaml",), "Merge keys"),
    Mistake("tag", steps("a: {say: !!str Hi}", END), ("4:12 yaml",), "Tags"),
    Mistake("twice", steps(END, END), ("5:3 yaml",), "The key “z” is there twice"),
    Mistake("number as a key", steps("1: {say: Hi}", END), ("4:3 yaml",), "A key must be a text"),
    Mistake("list as a key", steps("[a]: {say: Hi}", END), ("4:3 yaml",), "A key must be a text"),
    Mistake("second document", steps(END) + "---\na: 1\n", ("5:1 yaml",), "second document"),
    Mistake("directive", "%YAML 1.1\n---\n" + steps(END), ("1:1 yaml",), "begin with %"),
    Mistake("control character", steps("a: {say: \x07}", END), ("4:12 yaml",), "U+0007"),
    Mistake("escaped control character", steps('a: {say: "\\0"}', END), ("4:12 yaml",), "U+0000"),
    Mistake("tab", "title: F\nsteps:\n\ta: {end: true}\n", ("3:1 yaml",), "check the indentation"),
    Mistake("colon in a text", steps("a:", "  say: Hi: you", END), ("5:12 yaml",), "put texts with :"),
    Mistake("open quote", steps("a: {say: 'Hi}", END), ("6:1 yaml",), "cannot be read"),
    Mistake("deep", "a: " + "[" * 30 + "]" * 30, ("1:23 yaml",), "deeper than 20 levels"),
    Mistake("many values", "a: [" + "1, " * 20_001 + "]", ("1:59996 yaml",), "more than 20000 values"),
    Mistake("large", "#" * 262_145, ("1:1 yaml",), "larger than 256 kB"),
]  # fmt: skip

NAMES = [
    Mistake("unknown step", steps("a: {say: Hi, next: zz}", END), ("4:22 unknown-step", ), "There is no step “zz”"),
    Mistake("dead end", steps("a: {say: Hi}"), ("4:3 dead-end",), "No step follows “a”"),
    Mistake("option without next", steps("a: {choose: Hm?, options: {b: B, c: {title: C, next: a}}}"),
            ("4:30 dead-end",), "The option “b” leads nowhere"),
    Mistake("unknown flow", steps("a: {flow: othr}", END), ("4:13 unknown-flow",), "did you mean other",
            {"other.yaml": OTHER}),
    Mistake("interrupt to an unknown flow", steps(END), ("rules.yaml 1:33 unknown-flow",), "no flow “menu”",
            {"rules.yaml": "interrupts: [{words: [m], flow: menu}]\n"}),
    Mistake("unknown tool", steps("a: {answer: {tools: [refnd]}}", END), ("4:24 unknown-tool",), "did you mean refund",
            {"tools.yaml": REFUND}),
    Mistake("a tool without a tap", steps(END), ("tools.yaml 2:3 unconfirmed-tool",), "write what they are asked",
            {"tools.yaml": REFUND.partition("    confirm")[0]}),
    Mistake("a flow as a tool without a tap", steps("a: {call: {host: s, path: /, method: POST}, if_failed: z}", END),
            ("tools.yaml 2:3 unconfirmed-tool",), "changes something",
            {"tools.yaml": "tools:\n  go: {description: D, flow: flow}\n"}),
    Mistake("a tool that does nothing", steps(END), ("tools.yaml 2:3 no-verb",), "does nothing",
            {"tools.yaml": "tools:\n  go: {description: D}\n"}),
    Mistake("a tool that does two things", steps(END), ("tools.yaml 2:3 two-verbs",), "does call and flow",
            {"tools.yaml": "tools:\n  go: {description: D, flow: flow, call: {host: s, path: /}}\n"}),
    Mistake("a tool's host", steps(END), ("tools.yaml 2:37 unknown-host",), "no host “s”",
            {"tools.yaml": "tools:\n  go: {description: D, call: {host: s, path: /}}\n"}, hosts=("shop",)),
    Mistake("an argument nobody declared", steps(END), ("tools.yaml 2:46 unknown-variable",), "the tool's arguments",
            {"tools.yaml": "tools:\n  go: {description: D, call: {host: s, path: '/{{ flow.n }}'}}\n"}),
    Mistake("an argument for nothing", steps(END), ("tools.yaml 2:36 never-read",), "flow.n is never used",
            {"tools.yaml": "tools:\n  go: {description: D, arguments: {n: {}}, call: {host: s, path: /}}\n"}),
    Mistake("a fact that is none", steps(END), ("tools.yaml 2:34 wrong-scope",), "keeps facts about the contact only",
            {"tools.yaml": "tools:\n  go: {description: D, remember: conversation.a, arguments: {n: {}}, confirm: Ok?}\n",
             "rules.yaml": "variables: {conversation.a: text}\n"}),
    Mistake("a fact with too little room", steps(END), ("tools.yaml 2:3 wrong-value",), "the same type and length",
            {"tools.yaml": "tools:\n  go: {description: D, remember: contact.a, arguments: {n: {}}, confirm: Ok?}\n",
             "rules.yaml": "variables: {contact.a: {type: text, longest: 50}}\n"}),
    Mistake("a fact of two arguments", steps(END), ("tools.yaml 2:45 wrong-value",), "keeps one argument and has 2",
            {"tools.yaml": "tools:\n  go: {description: D, remember: contact.a, arguments: {n: {}, m: {}}, confirm: Ok?}\n",
             "rules.yaml": "variables: {contact.a: text}\n"}),
    Mistake("the name of the search", steps(END), ("tools.yaml 2:3 wrong-value",), "is always there",
            {"tools.yaml": "tools:\n  search_knowledge: {description: D, flow: flow}\n"}),
    Mistake("choices of a number", steps(END), ("tools.yaml 2:36 wrong-value",), "Only a text has choices",
            {"tools.yaml": "tools:\n  go: {description: D, arguments: {n: {type: number, longest: 3}}, "
                           "call: {host: s, path: '/{{ flow.n }}'}}\n"}),
    Mistake("something saved of no call", steps(END), ("tools.yaml 2:36 wrong-value",), "Only a call has something",
            {"tools.yaml": "tools:\n  go: {description: D, flow: flow, save: {a: b}}\n"}),
    Mistake("unknown host", steps("a: {call: {host: shp, path: /}, if_failed: z}", END), ("4:20 unknown-host",),
            "lists no host “shp”; did you mean shop", hosts=("shop",)),
    Mistake("unknown variable in a text", steps('a: {say: "Hi {{ contact.nmae }}"}', END), ("4:12 unknown-variable",),
            "did you mean contact.name"),
    Mistake("unknown variable that is set", steps("a: {set: {flow.a: 1}}", END), ("4:13 unknown-variable",),
            "declare it under variables"),
    Mistake("unknown input", steps("a: {flow: other, with: {b: 1}}", END), ("4:27 unknown-variable",),
            "“other” has no variable flow.b", {"other.yaml": OTHER}),
    Mistake("a message's variable set", steps("a: {set: {message.text: x}}", END), ("4:13 read-only-variable",),
            "set by Frontdesk alone"),
    Mistake("a built-in variable set", steps("a: {set: {conversation.today: x}}", END), ("4:13 read-only-variable",),
            "set by Frontdesk alone"),
    Mistake("a flow's variable in the rules", steps(END), ("rules.yaml 1:13 wrong-scope",), "belongs to one flow",
            {"rules.yaml": "variables: {flow.a: text}\n"}),
    Mistake("a message's variable declared", HEAD + "variables: {message.a: text}\nsteps: {z: {end: true}}\n",
            ("3:13 wrong-scope",), "messages have no variables of yours"),
    Mistake("a built-in declared", HEAD + "variables: {contact.name: text}\nsteps: {z: {end: true}}\n",
            ("3:13 wrong-scope",), "always there"),
    Mistake("declared twice", HEAD + "variables: {contact.a: text}\nsteps: {z: {end: true}}\n",
            ("3:13 declared-twice",), "declared differently in rules.yaml",
            {"rules.yaml": "variables: {contact.a: number}\n"}),
    Mistake("expression", steps("a: {branch: [{if: contact.name = 3, next: z}]}", END), ("4:34 expression",),
            "to compare, write =="),
    Mistake("expression that is set", HEAD + 'variables: {flow.a: text}\nsteps:\n  a: {set: {flow.a: "= lenght(message.text)"}}\n'
            '  b: {say: "{{ flow.a }}"}\n  z: {end: true}\n', ("5:24 expression",), "no function “lenght”"),
    Mistake("wording", steps('a: {say: "Hi {{ contact.name | uper }}"}', END), ("4:34 wording",), "did you mean upper"),
    Mistake("wording of several lines", steps("a:", "  say: |", "    Hello", "    you {{ name }}", END),
            ("7:14 wording",), "such as flow.name"),
    Mistake("wording with escapes", steps(r'a: {say: "\u00e9\n\x41 {{ name }}"}', END), ("4:29 wording",), "flow.name"),
    Mistake("migration to an unknown step", HEAD + "migration: {from: ['*'], steps: {a: zz}}\nsteps: {z: {end: true}}\n",
            ("3:37 unknown-step",), "to move people to"),
]  # fmt: skip

LANGUAGES = [
    Mistake("unknown language", steps("a: {say: {en: Hi, de: Hallo}}", END), ("4:25 unknown-language",),
            "add it to languages"),
    Mistake("unknown language of a keyword", "title: F\nstarts_on: {keywords: {de: [hallo]}}\nsteps: {z: {end: true}}\n",
            ("2:29 unknown-language",), "“de”"),
    Mistake("unknown language of an interrupt", steps(END), ("rules.yaml 1:28 unknown-language",), "“de”",
            {"rules.yaml": "interrupts: [{words: {de: [m]}, hand_off: true}]\n"}),
    Mistake("missing translation", steps("a: {say: {en: Hi}}", END), ("4:17 missing-translation",), "missing in hi",
            TWO_LANGUAGES),
    Mistake("one language", steps("a: {say: Hi}", END), ("4:12 one-language",), "write it for each: en, hi",
            TWO_LANGUAGES),
    Mistake("empty text", steps("a: {say: ' '}", END), ("4:12 empty-text",), "This text is empty"),
    Mistake("time zone", steps(END), ("rules.yaml 1:12 unknown-time-zone",), "did you mean Asia/Kolkata",
            {"rules.yaml": "time_zone: Asia/Kolkatta\n"}),
    Mistake("hours that end first", steps(END), ("rules.yaml 1:18 hours",), "ends before it begins",
            {"rules.yaml": "hours: {monday: ['18:00-02:00']}\n"}),
    Mistake("hours that overlap", steps(END), ("rules.yaml 1:18 hours",), "make one period",
            {"rules.yaml": "hours: {monday: ['12:00-18:00', '09:00-13:00']}\n"}),
    Mistake("hours that are none", steps(END), ("rules.yaml 1:18 wrong-value",), 'a period such as "09:00-13:30"',
            {"rules.yaml": "hours: {monday: [9 to 5]}\n"}),
    Mistake("a holiday that is none", steps(END), ("rules.yaml 1:12 wrong-value",), "no day 2026-02-31",
            {"rules.yaml": "holidays: [2026-02-31]\n"}),
    Mistake("an interrupt for nothing", steps(END), ("rules.yaml 1:14 no-verb",), "one of flow and hand_off",
            {"rules.yaml": "interrupts: [{words: [m]}]\n"}),
    Mistake("an interrupt for both", steps(END), ("rules.yaml 1:14 two-verbs",), "one of flow and hand_off",
            {"rules.yaml": "interrupts: [{words: [m], flow: flow, hand_off: true}]\n"}),
]  # fmt: skip


def options(count: int, title: str = "Option number {}") -> str:
    return ", ".join(f"o{number}: {title.format(number)}" for number in range(count))


LIMITS = [
    Mistake("text", steps(f"a: {{say: {'x' * 4_097}}}", END), ("4:4108 wording",), "4096"),
    Mistake("text with a variable", steps(f'a: {{say: "{"x" * 3_999} {{{{ contact.name }}}}"}}', END),
            ("4:12 too-long",), "can become 4100 characters long, but WhatsApp takes 4096"),
    Mistake("body", steps('a: {choose: "' + "x" * 1_025 + '", options: {b: B}}', END), ("4:15 too-long",), "takes 1024"),
    Mistake("body with an undeclared length", HEAD + "variables: {flow.a: text}\nsteps:\n"
            '  q: {ask: Hm?, save: flow.a}\n  a: {choose: "Is it what you mean, really: {{ flow.a }}?", options: {b: B}}\n  z: {end: true}\n',
            ("6:15 too-long",), "cut flow.a with | first(20), or declare a smaller longest"),
    Mistake("button", steps("a: {choose: Hm?, options: {b: Twenty-one characters}}", END), ("4:33 too-long",),
            "button's title can become 21 characters long, but WhatsApp takes 20"),
    Mistake("button in the second language", steps(
            "a: {choose: '?', options: {b: {en: B, hi: Twenty-one characters}}}", END), ("4:45 too-long",), "takes 20",
            TWO_LANGUAGES),
    Mistake("row", steps("a: {choose: Hm?, options: {b: A title of twenty-five ch, c: C, d: D, e: E}}", END),
            ("4:33 too-long",), "title of a list's row can become 25 characters"),
    Mistake("row of a list of one", steps(
            "a: {choose: Hm?, options: {b: {title: A title of twenty-five ch, description: D}}}", END),
            ("4:41 too-long",), "title of a list's row"),
    Mistake("description", steps("a: {choose: Hm?, options: {b: {title: B, description: " + "x" * 73 + "}}}", END),
            ("4:57 too-long",), "takes 72"),
    Mistake("header", steps("a: {choose: Hm?, options: {b: B}, header: " + "x" * 61 + "}", END), ("4:45 too-long",),
            "header"),
    Mistake("footer", steps("a: {choose: Hm?, options: {b: B}, footer: " + "x" * 61 + "}", END), ("4:45 too-long",),
            "footer"),
    Mistake("a list's button", steps("a: {choose: Hm?, options: {b: B}, button: " + "x" * 21 + "}", END),
            ("4:45 too-long",), "title of a list's button"),
    Mistake("the rules' button", steps(END), ("rules.yaml 1:28 too-long",), "title of a list's button",
            {"rules.yaml": "sentences: {choose_button: '" + "x" * 21 + "'}\n"}),
    Mistake("caption", steps("a: {say: {image: 'https://x.example/a.png', caption: " + "x" * 1_025 + "}}", END),
            ("4:56 too-long",), "caption"),
    Mistake("a link's label", steps("a: {say: {link: {text: T, label: " + "x" * 21 + ", url: 'https://x.example'}}}", END),
            ("4:36 too-long",), "title of a link's button"),
    Mistake("many options", steps(f"a: {{choose: Hm?, options: {{{options(11)}}}}}", END), ("4:20 many-options",),
            "There are 11 options"),
    Mistake("numbered text", steps(f"a: {{choose: Hm?, as_text: true, options: {{{options(50, 'Number {} ' + 'x' * 80)}}}}}", END),
            ("4:3 too-long",), "With all its options this question can become"),
    Mistake("same title", steps("a: {choose: Hm?, options: {b: Same, c: same}}", END), ("4:39 same-title",),
            "Another option reads “same” too"),
    Mistake("same title in one language", steps("a: {choose: '?', options: {b: {en: A, hi: X}, c: {en: B, hi: X}}}", END),
            ("4:49 same-title",), "(in hi)", TWO_LANGUAGES),
    Mistake("not https", steps("a: {say: {image: 'http://x.example/a.png'}}", END), ("4:20 not-https",), "https://"),
    Mistake("template parameter", steps('a: {say: {template: {name: t, parameters: ["a\\nb"]}}}', END),
            ("4:46 template-parameter",), "line breaks"),
    Mistake("path", steps("a: {call: {host: h, path: //evil.example}, if_failed: z}", END), ("4:29 call-path",),
            "must begin with one /"),
    Mistake("body of a GET", steps("a: {call: {host: h, path: /, body: {a: 1}}, if_failed: z}", END), ("4:32 call-path",),
            "GET sends no body"),
]  # fmt: skip

ANSWERS = [
    Mistake("bounds of a date", steps("a: {ask: Hm?, expect: {type: date, minimum: 1}}", END), ("4:38 bounds",),
            "goes with number or text"),
    Mistake("days of a number", steps("a: {ask: Hm?, expect: {type: number, earliest: conversation.today}}", END),
            ("4:40 bounds",), "goes with date"),
    Mistake("nothing fits", steps("a: {ask: Hm?, expect: {type: number, minimum: 2, maximum: 1}}", END),
            ("4:40 bounds",), "nothing fits"),
    Mistake("no text is that short", steps("a: {ask: Hm?, expect: {type: text, maximum: 0}}", END), ("4:38 bounds",),
            "at least 1"),
    Mistake("test of a picture", steps("a: {ask: Hm?, expect: {type: image, test: 'true'}}", END),
            ("4:39 test-without-value",), "nothing to test"),
]  # fmt: skip

TRIGGERS = [
    Mistake("same keyword", "title: F\nstarts_on: {keywords: [a, ÖTHER]}\nsteps: {z: {end: true}}\n",
            ("other.yaml 2:24 same-trigger",), "The keyword “other” starts the flow “flow” already", {"other.yaml": OTHER}),
    Mistake("keyword twice", "title: F\nstarts_on: {keywords: [a, A]}\nsteps: {z: {end: true}}\n",
            ("2:27 same-trigger",), "starts this flow already"),
    Mistake("same button", "title: F\nstarts_on: {buttons: [x]}\nsteps: {z: {end: true}}\n",
            ("other.yaml 2:23 same-trigger",), "The button “x”",
            {"other.yaml": OTHER.replace("keywords: [other]", "buttons: [x]")}),
    Mistake("two first contacts", steps(END), ("other.yaml 2:13 same-trigger",), "The first contact starts",
            {"other.yaml": OTHER.replace("keywords: [other]", "first_contact: true")}),
    Mistake("same intent", "title: F\nstarts_on: {intents: [Wants it]}\nsteps: {z: {end: true}}\n",
            ("other.yaml 2:23 same-trigger",), "The intent",
            {"other.yaml": OTHER.replace("keywords: [other]", "intents: [wants it]")}),
    Mistake("keyword without words", "title: F\nstarts_on: {keywords: [a, 👍]}\nsteps: {z: {end: true}}\n",
            ("2:27 empty-phrase",), "has no letters or digits"),
    Mistake("long keyword", "title: F\nstarts_on: {keywords: [a b c]}\nsteps: {z: {end: true}}\n",
            ("2:24 long-phrase",), "more than 2 words", {"rules.yaml": "keyword_words_max: 2\n"}),
    Mistake("intent without a model", "title: F\nstarts_on: {intents: [Wants it]}\nsteps: {z: {end: true}}\n",
            ("2:23 no-model",), "needs a language model", has_model=False),
    Mistake("a sticker where a channel has none", steps('a: {say: {sticker: "https://x.example/a"}}', END),
            ("4:12 channel-lacks",), "The channel india cannot send this (sticker)", channels=BOTH),
    Mistake("a place where only words are", steps("a: {say: {location: {latitude: 1, longitude: 2}}}", END),
            ("4:12 channel-lacks",), "The channel india and words cannot send this (location)",
            channels={**BOTH, "india": PLAIN, "words": PLAIN}),
    Mistake("never started", "title: F\nsteps:\n  z: {end: true}\n", ("3:3 never-started",), "give it starts_on"),
]  # fmt: skip


def chain(length: int) -> dict[str, str]:
    """Flows that call one another, so that `f1` is `length` deep."""
    return {
        f"f{number}.yaml": "title: F\nsteps:\n"
        + (f"  a: {{flow: f{number + 1}}}\n" if number < length else "  a: {say: Hi}\n")
        + "  z: {end: true}\n"
        for number in range(1, length + 1)
    }


WAYS = [
    Mistake("unreachable", steps("a: {say: Hi, next: z}", "b: {say: Ho}", END), ("5:3 unreachable-step",),
            "No step leads to “b”"),
    Mistake("loop", steps("a: {say: Hi}", "b: {branch: [{if: message.text == 'x', next: z}], next: a}", END),
            ("4:3 endless-loop",), "a → b → a"),
    Mistake("loop of one", steps("a: {say: Hi, next: a}"), ("4:3 endless-loop",), "a → a"),
    Mistake("loop with a short wait", steps("a: {say: Hi}", "b: {wait: 59 seconds, next: a}"), ("4:3 endless-loop",),
            "a → b → a"),
    Mistake("loop while it is open", steps("a: {say: Hi}", "b: {wait: {until: open}, next: a}"), ("4:3 endless-loop",),
            "a → b → a"),
    Mistake("loop of reminders", steps("a: {say: Hi}", "b: {wait: 1 hour, next: a}"), ("4:3 endless-loop",),
            "a → b → a; ask something, or lead out of it with a branch"),
    Mistake("loop by a jump", steps("a: {jump: other}"), ("4:3 endless-loop",), "a → other: a → a",
            {"other.yaml": "title: O\nsteps:\n  a: {jump: flow}\n"}),
    Mistake("loop by a sub-flow that ends at once", steps("a: {flow: other, next: a}"), ("4:3 endless-loop",), "a → a",
            {"other.yaml": "title: O\nsteps:\n  a: {say: Hi}\n  b: {end: true}\n"}),
    Mistake("recursion with turns", steps("a: {ask: Hm?}", "b: {flow: other}", END),
            ("5:3 deep-recursion",), "calls itself again", {"other.yaml": "title: O\nsteps:\n  a: {jump: flow}\n"}),
    Mistake("nine deep", steps("a: {flow: f1}", END), ("4:3 deep-recursion",), "more than 8 deep", chain(8)),
    Mistake("late text", steps("a: {wait: 1 day}", "b: {tag: [late]}", "c: {say: Hi}", END), ("6:3 service-window",),
            "say a template, or wait less"),
    Mistake("late reminder", steps("a: {ask: Hm?, silence: [{after: 1 day, say: Hi}]}", END), ("4:28 service-window",),
            "say a template"),
    Mistake("never read", HEAD + "variables: {flow.a: text}\nsteps:\n  a: {ask: Hm?, save: flow.a}\n  z: {end: true}\n",
            ("3:13 never-read",), "flow.a is never used"),
    Mistake("never set", HEAD + "variables: {flow.a: text}\nsteps:\n  a: {say: '{{ flow.a }}'}\n  z: {end: true}\n",
            ("3:13 never-set",), "give it a default"),
]  # fmt: skip

MISTAKES = [*SHAPES, *YAML, *NAMES, *LANGUAGES, *LIMITS, *ANSWERS, *TRIGGERS, *WAYS]
