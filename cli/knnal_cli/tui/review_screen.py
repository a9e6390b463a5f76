"""The review screen: one label that may be wrong after the other."""

from __future__ import annotations

from knnal.quality.review import Review
from knnal_cli.keymap import KeyMode
from knnal_cli.tui.item_screen import ItemScreen
from knnal_cli.tui.key_screen import ScreenWorker
from knnal_cli.tui.model import LabelModel, ReviewModel, View
from knnal_cli.tui.pictures import Pictures


class ReviewScreen(ItemScreen):
    """Asks about one suspicious label after the other; Esc goes back to labeling."""

    MODE = KeyMode.REVIEW
    NOTHING = "No label is left to review. Esc goes back."
    ANYWHERE = ItemScreen.ANYWHERE | {"leave"}

    def __init__(self, model: LabelModel, worker: ScreenWorker, pictures: Pictures) -> None:
        super().__init__(model, worker, pictures)

    def first(self) -> View:
        self._model = ReviewModel(Review(self._model.session), keys=self._model.keys)
        return self._model.next()

    def do_keep(self) -> None:
        self.do_simple("keep")

    def do_undo(self) -> None:
        subject = self.subject
        self.go(lambda: self._model.undo(subject))

    def do_leave(self) -> None:
        assert isinstance(self._model, ReviewModel)
        self.ask(self._model.summary, self.dismiss)
