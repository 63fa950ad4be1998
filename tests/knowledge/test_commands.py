"""`frontdesk knowledge …` as people type it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
import structlog

from frontdesk.cli import main
from frontdesk.knowledge.evaluation import Evaluation
from frontdesk.ports import KnowledgeFile
from knowledge.files import encrypted_pdf, pdf

SAMPLE = Path("config/knowledge").resolve()


class Result(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRONTDESK_LOG", "warning")
    (tmp_path / "config/knowledge").mkdir(parents=True)

    def run(*words: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["frontdesk", "knowledge", *words])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return Result(int(end.value.code or 0), captured.out, captured.err)

    yield run
    structlog.reset_defaults()


def test_what_is_not_indexed_or_not_there_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config/knowledge/hours.md").write_text("# Hours\n\nWe open at nine.\n")
    assert run("list") == Result(
        0,
        "     0  passages in 0 files\n",
        "1 files are not indexed yet (hours.md); a service that runs does it within seconds, and so does: "
        "frontdesk knowledge search WORDS\n",
    )
    unknown = "there are no passages of a file nope.md; frontdesk knowledge list names them all\n"
    assert run("search", "open", "--scope", "nope.md", "--scope", "hours.md").err == unknown
    assert run("list").err == ""
    (tmp_path / "q.yaml").write_text("- {question: open, sources: [nope.md#a, nope.md#b, hours.md#hours]}")
    assert run("eval", "q.yaml").err == unknown


def test_files_are_added_searched_and_listed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "guide.pdf").write_bytes(pdf(["Brush your shoes."], title="Care"))
    (tmp_path / "hours.md").write_text("# Hours\n\nWe open at nine.\n")
    added = run("add", "guide.pdf", "hours.md")
    assert added == Result(0, "config/knowledge/guide.pdf: 1 passages\nconfig/knowledge/hours.md: 1 passages\n", "")
    found = run("search", "when do you open?")
    assert found.code == 0
    assert found.out.splitlines()[0].endswith("hours.md#hours")
    assert "words: open" in found.out
    assert "We open at nine." in found.out
    listed = run("list").out.splitlines()
    assert [line.split()[-1] for line in listed[:2]] == ["guide.pdf", "hours.md"]
    assert listed[2].strip() == "2  passages in 2 files"


def test_what_cannot_be_added_costs_no_other(run: Run, tmp_path: Path) -> None:
    (tmp_path / "secret.pdf").write_bytes(encrypted_pdf("word"))
    (tmp_path / "letter.docx").write_bytes(b"PK")
    (tmp_path / "hours.md").write_text("We open at nine.")
    result = run("add", "secret.pdf", "letter.docx", "none.md", "hours.md")
    assert (result.code, result.out) == (1, "config/knowledge/hours.md: 1 passages\n")
    assert result.err.splitlines() == [
        "secret.pdf: it is encrypted; save it without a password",
        "letter.docx: files of this kind are not read; save it as one of: .htm, .html, .markdown, .md, .pdf, .txt",
        "none.md: it is not there, or a link to nowhere; put the file there, or take the link away",
    ]
    assert [path.name for path in (tmp_path / "config/knowledge").iterdir()] == ["hours.md"]
    assert "hours.md" in run("list").out


def test_a_file_of_that_name_is_replaced_only_if_asked(run: Run, tmp_path: Path) -> None:
    for number, text in enumerate(("We open at nine.", "We open at ten.")):
        (tmp_path / "hours.md").write_text(text)
        assert run("add", "hours.md").code == number
    assert "nine" in run("search", "open").out
    assert run("add", "--replace", "hours.md").code == 0
    assert "ten" in run("search", "open").out


def test_a_search_says_why_and_what_it_looked_for(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config/knowledge/a.md").write_text("# Delivery\n\nQuick.\n")
    (tmp_path / "config/knowledge/b.md").write_text("# Delivered goods\n\nMany.\n")
    (found,) = msgspec.json.decode(run("search", "deliveries", "--scope", "a.md", "--json").out)
    assert found["why"] == "words: deliveries (delivery)"
    assert found["passage"]["id"] == "a.md#delivery"
    assert found["passage"]["score"] > 0
    assert len(run("search", "deliveries", "--limit", "1").out.splitlines()) == 4
    assert run("search", "the bicycle").out == "nothing is found for: bicycle\n"
    assert run("search", "the").out == "nothing is found for: no telling word\n"


def test_a_broken_file_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config/knowledge/a.md").write_bytes(b"\xff")
    assert run("search", "x").err == "config/knowledge/a.md: it is not UTF-8 in line 1; save it as UTF-8\n"
    assert "a.md  not used as it is now: it is not UTF-8" in run("list").out
    (file,) = msgspec.json.decode(run("list", "--json").out, type=list[KnowledgeFile])
    assert (file.name, file.passages, file.trouble) == ("a.md", 0, "it is not UTF-8 in line 1; save it as UTF-8")


def test_the_sample_shop_is_found_by_words_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(f'[knowledge]\nfolder = "{SAMPLE}"\n')
    result = run("eval", "--config", "shop.toml", "--min-recall", "0.9", "--json")
    assert (result.code, result.err) == (0, "")
    found = msgspec.json.decode(result.out, type=Evaluation)
    assert len(found.questions) >= 40
    assert found.recall_at_5 >= 0.9
    assert found.mrr >= 0.85
    print(f"sample shop: recall@5 {found.recall_at_5:.3f}, MRR {found.mrr:.3f}, {len(found.questions)} questions")


def test_an_evaluation_counts_shares_and_places(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "config/knowledge"
    (folder / "a.md").write_text("# Cows\n\nCows moo.\n\n# Pigs\n\nPigs oink, cows do not.\n")
    (folder / "eval.yaml").write_text(
        "- {question: cows, sources: [a.md#cows]}\n"
        "- {question: cows again, sources: [a.md#pigs]}\n"
        "- {question: pigs, sources: [a.md, b.md]}\n"
        "- {question: horse, sources: [a.md#cow]}\n"
    )
    result = run("eval", "--min-recall", "0.7")
    assert result.code == 1
    unknown = "there are no passages of a file b.md; frontdesk knowledge list names them all"
    assert result.err == f"{unknown}\nrecall@5 is below 0.7\n"
    assert result.out.splitlines()[-1] == "4 questions, recall@5 0.625, MRR 0.625"
    assert "missed: horse\n  wanted a.md#cow\n  found -" in result.out
    assert run("eval", "--min-recall", "0.6").code == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot be read (No such file or directory); name a file of questions"),
        ("[]", "asks nothing; write: - {question: …"),
        ("- {question: x}", "is no list of questions (Object missing required field `sources`"),
        ("{", "is no list of questions ("),
    ],
)
def test_questions_that_cannot_be_read_are_one_sentence(
    run: Run, tmp_path: Path, text: str | None, sentence: str
) -> None:
    if text is not None:
        (tmp_path / "questions.yaml").write_text(text)
    result = run("eval", "questions.yaml")
    assert result.code == 1
    assert result.err.startswith(f"frontdesk: questions.yaml {sentence}")


def test_a_folder_that_is_not_there_is_one_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config/knowledge").rmdir()
    assert run("search", "x").err == (
        "frontdesk: knowledge.folder: there is no folder config/knowledge; make it, or name another\n"
    )
