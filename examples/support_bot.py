"""A support bot whose memory learns which article answers which wording.

Run it: python examples/support_bot.py
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import engrain

ARTICLES = {
    "reset": "Reset your password from the sign-in page; the link is valid for one hour.",
    "invoice": "Invoices are sent on the first of each month to the billing address.",
    "export": "Export all projects as CSV under Settings, Data, Export.",
    "cancel": "Plans can be cancelled at any time and stay active until the period ends.",
    "seats": "Add seats under Team; they are charged pro rata from the same day.",
}
HISTORY = [
    ("how do I get my stuff out of here", "export"),
    ("download everything I have", "export"),
    ("get a copy of my stuff", "export"),
    ("I am locked out", "reset"),
    ("locked out after too many tries", "reset"),
    ("we hired three people", "seats"),
    ("someone joins us on Monday", "seats"),
    ("where is the receipt", "invoice"),
    ("stop charging me", "cancel"),
]
NEW = [("is there a way to get my stuff", "export"), ("locked out again", "reset")]


def rank(memory: engrain.Memory, question: str, answer: str) -> int:
    """Return the place of the right article, from 1."""
    ids = [hit.id for hit in memory.recall(question, k=len(ARTICLES), log=False).hits]
    return ids.index(answer) + 1


def main() -> None:
    with TemporaryDirectory() as folder, engrain.Memory(Path(folder) / "bot.db") as memory:
        for id, text in ARTICLES.items():
            memory.remember(text, id=id)
        before = [rank(memory, *pair) for pair in NEW]
        for question, answer in HISTORY:
            recall = memory.recall(question, k=3)
            if answer in {hit.id for hit in recall.hits}:
                memory.feedback(recall, used=[answer])
            else:
                memory.judge(question, {answer: 1.0})
        memory.refit()
        after = [rank(memory, *pair) for pair in NEW]
        for (question, answer), was, now in zip(NEW, before, after, strict=True):
            print(f"{question!r}: {answer} was number {was}, is number {now}")


if __name__ == "__main__":
    main()
