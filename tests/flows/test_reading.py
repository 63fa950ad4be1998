"""What comes of files that are right: the compiled book."""

from __future__ import annotations

import time
from datetime import date, time as clock
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from flows.mistakes import OTHER, steps
from frontdesk.core.expression import Expression
from frontdesk.core.flow import (
    ANY_LANGUAGE,
    Answer,
    Ask,
    Assign,
    Book,
    Branch,
    Call,
    Choose,
    Consent,
    End,
    GiveToPeople,
    Jump,
    LinkSaid,
    LocationSaid,
    MediaSaid,
    Resolve,
    Say,
    SubFlow,
    Tag,
    TemplateSaid,
    TextSaid,
    Variable,
    Wait,
)
from frontdesk.core.scope import value_of
from frontdesk.core.trigger import Keyword
from frontdesk.core.wording import Wording
from frontdesk.flows.book import BookError, book_version, compile_book, read_book
from frontdesk.flows.folder import FILES_MAX, FolderError, read_sources

SHOP = Path(__file__).parent / "examples" / "shop"


@pytest.fixture(scope="module")
def shop() -> Book:
    reading = read_book(read_sources(SHOP), hosts=["shop"])
    assert reading.findings == ()
    assert reading.book is not None
    return reading.book


def test_the_steps_of_a_flow_keep_their_order_and_know_what_follows(shop: Book) -> None:
    menu = shop.flows["menu"]
    assert (menu.first, menu.title) == ("hello", "Menu")
    assert list(menu.steps)[:4] == ["hello", "visits", "topic", "decide"]
    assert menu.steps["hello"].next == "visits"
    assert menu.steps["booked"].next == "bye"
    assert (menu.steps["bye"].next, menu.steps["people"].next) == ("", "")
    assert menu.steps["hello"].line == 10


def test_every_kind_of_step_is_compiled(shop: Book) -> None:
    kinds = {type(step) for flow in shop.flows.values() for step in flow.steps.values()}
    assert kinds == {
        Say, Ask, Choose, Assign, Branch, Call, Answer, SubFlow, Jump, Wait, GiveToPeople, Tag, Consent, Resolve, End
    }  # fmt: skip
    said = {type(step.said) for step in shop.flows["menu"].steps.values() if isinstance(step, Say)}
    assert {TextSaid, MediaSaid, TemplateSaid, LocationSaid, LinkSaid} <= said


def test_a_choice_has_its_options_texts_and_ways(shop: Book) -> None:
    topic = shop.flows["menu"].steps["topic"]
    assert isinstance(topic, Choose)
    assert [(one.id, one.next) for one in topic.options] == [
        ("status", ""), ("book", "party"), ("people", "people"), ("pictures", "picture")
    ]  # fmt: skip
    assert topic.options[1].description is not None
    assert topic.options[1].title.render(["hi"], {}) == "टेबल बुक करें"
    assert (topic.save, topic.tries, topic.otherwise, topic.next) == ("flow.topic", 2, "people", "decide")
    assert topic.silence is None


def test_a_question_has_its_bounds_its_way_out_and_its_silence(shop: Book) -> None:
    party = shop.flows["menu"].steps["party"]
    assert isinstance(party, Ask)
    expected = party.expected
    assert (expected.kind, expected.minimum, expected.maximum, expected.is_whole) == ("number", 1, 20, True)
    assert expected.test is not None
    assert expected.test.evaluate({"message.value": 13}) is False
    assert party.way_out is not None
    assert party.way_out.phrases == (("cancel",), ("never", "mind"), ("रद्द",))
    assert party.silence is not None
    assert [(one.after_seconds, one.closes) for one in party.silence] == [(600, False), (3_600, True)]


def test_values_are_expressions_wordings_and_constants(shop: Book) -> None:
    visits = shop.flows["menu"].steps["visits"]
    assert isinstance(visits, Assign)
    count, city, language = visits.assignments
    assert isinstance(count.source, Expression)
    assert count.source.evaluate({"conversation.visits": 2}) == 3
    assert isinstance(city.source, Wording)
    assert city.source.render({}) == "Pune"
    assert language.variable == "contact.language"
    call = shop.flows["order_status"].steps["look_up"]
    assert isinstance(call, Call)
    query = [(name, value_of(source, {"contact.name": "A"})) for name, source in call.query]
    assert query == [("verbose", True), ("page", 1), ("name", "A")]
    assert (call.timeout_seconds, call.is_repeatable, call.if_failed) == (5, True, "sorry")
    assert call.saves == (("flow.status", "status"), ("flow.carrier", "shipment.carrier"))


@pytest.mark.parametrize(
    ("written", "value"),
    [("-3", -3), ("2.5", 2.5), ("0.0000001", 1e-7), ("true", True), ("false", False), ("= [1, 2]", (1, 2))],
)
def test_constants_keep_their_kind(written: str, value: object) -> None:
    book = compile_book(
        {"flow.yaml": steps(f"a: {{set: {{flow.a: {written}}}}}".replace("= [1, 2]", '"= [1, 2]"'), "z: {end: true}")}
    )
    step = book.flows["flow"].steps["a"]
    assert isinstance(step, Assign)
    source = step.assignments[0].source
    assert isinstance(source, Expression)
    assert source.evaluate({}) == value
    assert type(source.evaluate({})) is type(value)


def test_variables_have_their_kind_length_and_default(shop: Book) -> None:
    variables = shop.flows["order_status"].variables
    assert variables["flow.order_number"] == Variable(name="flow.order_number", longest=20)
    assert variables["flow.carrier"].default == "our own van"
    assert shop.flows["book_table"].variables["flow.party"].longest == 16
    assert set(shop.defaults) == {"contact.city", "conversation.visits"}


def test_triggers_are_indexed_by_the_first_word_longest_first(shop: Book) -> None:
    triggers = shop.triggers
    assert triggers.keywords["order"] == (Keyword(words=("order", "status"), flow="order_status", language="en"),)
    assert triggers.keywords["ऑर्डर"] == (Keyword(words=("ऑर्डर", "स्थिति"), flow="order_status", language="hi"),)
    assert triggers.buttons == {"order_status": "order_status"}
    assert (triggers.ads, triggers.first_contact) == ({"*": "menu"}, "menu")
    assert [one.flow for one in triggers.intents] == ["order_status"]
    assert shop.flows["order_status"].may_be_requested
    longer = compile_book({"other.yaml": OTHER.replace("[other]", '[order, order status today, Order now, "42", ü]')})
    assert [one.words for one in longer.triggers.keywords["order"]] == [
        ("order", "status", "today"), ("order", "now"), ("order",)
    ]  # fmt: skip
    assert "u" in longer.triggers.keywords


@pytest.mark.parametrize("phrase", ["ऑर्डर की स्थिति", "حالة الطلب", "สถานะคำสั่งซื้อ", "Où est ma commande?"])
def test_phrases_of_every_script_are_whole_words(phrase: str) -> None:
    from frontdesk.core.starting import heard, keyword

    book = compile_book({"other.yaml": OTHER.replace("[other]", f"['{phrase}']")})
    found = keyword(book, heard(f"Please: {phrase.upper()} !"))
    assert found is not None
    assert len(found.words) == len(phrase.replace("?", "").split())


def test_the_rules_are_compiled(shop: Book) -> None:
    rules = shop.rules
    assert rules.languages == ("en", "hi")
    assert rules.zone == ZoneInfo("Asia/Kolkata")
    assert rules.hours is not None
    assert rules.hours.periods[0] == ((clock(9), clock(13)), (clock(14), clock(18)))
    assert rules.hours.periods[5] == ((clock(10), clock(0)),)
    assert set(rules.hours.periods) == {0, 1, 5}
    assert rules.hours.holidays == {date(2026, 12, 25), date(2027, 1, 26)}
    assert [(one.flow, one.team) for one in rules.interrupts] == [("menu", ""), ("", "support"), ("", "")]
    assert rules.interrupts[0].phrases == (("menu",), ("main", "menu"), ("मेन्यू",))
    assert [(one.after_seconds, one.closes) for one in rules.silence] == [(1_200, False), (3_600, True)]
    assert (rules.date_order, rules.country, rules.forgets_after_seconds, rules.keyword_words_max) == (
        "DMY", "IN", 86_400, 6
    )  # fmt: skip
    assert rules.sentences.choose_button.render(["hi"], {}) == "चुनें"


def test_without_rules_there_are_defaults() -> None:
    rules = compile_book({}).rules
    assert (rules.languages, str(rules.zone), rules.hours, rules.interrupts) == (("en",), "UTC", None, ())
    assert rules.sentences.misfit.by_language[ANY_LANGUAGE].text.startswith("Sorry")
    assert compile_book({"rules.yaml": "# nothing yet\n"}).rules.languages == ("en",)


def test_a_migration_is_kept(shop: Book) -> None:
    migration = shop.flows["order_status"].migration
    assert migration is not None
    assert (migration.versions, dict(migration.steps)) == (("*",), {"old_number": "number"})


def test_the_version_is_that_of_flows_and_rules_alone() -> None:
    version = book_version({"a.yaml": "1", "b.yaml": "2"})
    assert len(version) == 16
    assert book_version({"b.yaml": "2", "a.yaml": "1", "a.test.yaml": "x", "notes.md": "y"}) == version
    assert book_version({"a.yaml": "1b.yaml", "b.yaml": "2"}) != version
    assert book_version({"a.yaml": "12", "b.yaml": ""}) != book_version({"a.yaml": "1", "b.yaml": "2"})


def test_what_was_checked_before_is_compiled_without_being_checked_again() -> None:
    late = steps("a: {say: '" + "x" * 4_000 + "{{ contact.name | first(99) }}'}", "b: {jump: gone}")
    assert read_book({"flow.yaml": late}).book is None
    assert compile_book({"flow.yaml": late}).flows["flow"].first == "a"
    with pytest.raises(BookError, match=r"^flow\.yaml:1:1: .* needs the key “steps”"):
        compile_book({"flow.yaml": "title: F\n"})


def test_tests_and_other_files_are_no_flows() -> None:
    assert list(compile_book({"other.yaml": OTHER, "other.test.yaml": "x", "readme.md": "x"}).flows) == ["other"]


def test_a_folder_gives_its_yaml_files(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(OTHER, encoding="utf-8")
    (tmp_path / "notes.md").write_text("x", encoding="utf-8")
    (tmp_path / ".hidden.yaml").write_text("x", encoding="utf-8")
    assert read_sources(tmp_path) == {"other.yaml": OTHER}


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.yaml", b"x: \xff", r"a\.yaml:1: this is not UTF-8"),
        ("a.yaml", b"#" * 262_145, "larger than 256 kB"),
        ("a.yml", b"x", r"a\.yml would be overlooked"),
    ],
)
def test_what_cannot_be_read_in_a_folder_is_refused(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FolderError, match=says):
        read_sources(tmp_path)


def test_a_folder_that_is_not_there_or_too_full_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="cannot be read"):
        read_sources(tmp_path / "gone")
    (tmp_path / "a.yaml").mkdir()
    with pytest.raises(FolderError, match="Is a directory"):
        read_sources(tmp_path)
    for number in range(FILES_MAX + 1):
        (tmp_path / f"f{number}.yaml").touch()
    with pytest.raises(FolderError, match="at most 2000"):
        read_sources(tmp_path)


def test_what_reading_a_thousand_flows_costs(capsys: pytest.CaptureFixture[str]) -> None:
    """Printed, not asserted: it is paid at start and at a reload only."""
    text = (SHOP / "order_status.yaml").read_text(encoding="utf-8").split("migration:")[1]
    head = "title: F\nstarts_on: {{keywords: {{en: [phrase {0}], hi: [वाक्य {0}]}}, request: true}}\nvariables:\n  flow.order_number: {{type: text, longest: 20}}\n  flow.status: {{type: text, longest: 60}}\n  flow.carrier: text\nmigration:"  # noqa: E501
    sources = {f"f{number}.yaml": head.format(number) + text for number in range(1_000)}
    sources["rules.yaml"] = "languages: [en, hi]\n"
    began = time.perf_counter()
    reading = read_book(sources)
    read = time.perf_counter() - began
    began = time.perf_counter()
    compile_book(sources)
    compiled = time.perf_counter() - began
    with capsys.disabled():
        print(f"\n1,000 flows of 8 steps: read and checked in {read:.2f} s, compiled in {compiled:.2f} s")
    assert reading.findings == ()
