"""A panel for people without deep learning: drop images, tag a few, train, sort, restore, save."""

from __future__ import annotations

import asyncio
import io
import os
from functools import partial
from typing import Any, Final

import numpy as np
import panel as pn
from numpy.typing import NDArray

from lensfree_nb.dashboards.focus_session import FocusSession
from lensfree_nb.errors import LensfreeError
from lensfree_nb.refocus.restore import GOOD_FOR

LOOPBACK: Final = "127.0.0.1"
# Of all images that are dropped at once, as text; a plate of large TIFFs.
MOST_BYTES: Final = 2_000_000_000
THUMBNAIL_PX, ACROSS, MOST_SHOWN = 180, 4, 60
# Each is a method of the session.
STEPS: Final = ("Train", "Sort", "Restore", "Save")
UNTAGGED, SHARP, BLURRED = "?", "in focus", "out of focus"
TAGS: Final = {UNTAGGED: None, SHARP: True, BLURRED: False}


class FocusPanel:
    """The panel; ``view`` is what a notebook shows.

    Parameters
    ----------
    folder : path
        Where images are kept, and results written.

    Attributes
    ----------
    session : FocusSession
        What was done so far; its ``lines`` are the same as code.
    busy : bool
        Whether a step is being done.
    """

    def __init__(self, folder: str | os.PathLike[str] = "focus_panel"):
        self.session = FocusSession(folder)
        self.busy = False
        self.files = pn.widgets.FileInput(
            accept=".tif,.tiff,.png,.jpg,.jpeg", multiple=True, label="images"
        )
        self.files.param.watch(self._added, "value")
        self.buttons = {name: pn.widgets.Button(label=name) for name in STEPS}
        for name, button in self.buttons.items():
            button.on_click(partial(self.do, name))
        self.message = pn.pane.Markdown("Drop images here; tag a few of either kind to train.")
        self.gallery = pn.GridBox(ncols=ACROSS)
        self.code = pn.pane.Markdown("")
        self._refresh()
        self.view = pn.Column(
            "## Sort by focus, restore what is blurred", self.files,
            pn.Row(*self.buttons.values()), self.message, self.gallery, "### The same in code",
            self.code, pn.pane.Markdown(f"*{GOOD_FOR}*"),
        )  # fmt: skip

    def serve(self, port: int = 0, *, show: bool = True, threaded: bool = False) -> Any:
        """Open it in a browser, outside a notebook. It listens on this machine alone."""
        return pn.serve(
            self.view, port=port, address=LOOPBACK, show=show, threaded=threaded,
            title="lensfree_nb: focus", websocket_max_message_size=MOST_BYTES,
        )  # fmt: skip

    def _added(self, event: Any) -> None:
        names = self.files.filename
        contents = event.new
        if not names or contents is None:
            return
        pairs = (
            zip(names, contents, strict=True) if isinstance(names, list) else [(names, contents)]
        )
        refused = []
        for name, content in pairs:
            try:
                self.session.add(name, content)
            except LensfreeError as error:
                refused.append(str(error))
        self.message.object = " ".join(refused) or f"{len(self.session.names)} images."
        self._refresh()

    async def do(self, name: str, event: Any = None) -> None:
        """One of the steps, in a thread of its own: meanwhile the page tells what is done.

        Parameters
        ----------
        name : {"Train", "Sort", "Restore", "Save"}
            Which; nothing is done while another one is.
        event
            That of a button.
        """
        if self.busy:
            return
        self._show_busy(True)
        self.message.object = f"{name} …"
        try:
            await asyncio.to_thread(getattr(self.session, name.lower()))
            self.message.object = f"{name}: done."
        except LensfreeError as error:
            self.message.object = f"{name}: {error}"
        except Exception as error:
            # Told on the page as well: who drops images does not look at a terminal.
            self.message.object = f"{name} failed: {type(error).__name__}: {error}"
            raise
        finally:
            self._show_busy(False)
        self._refresh()

    def _show_busy(self, busy: bool) -> None:
        """While a step is done nothing else can be."""
        self.busy = self.gallery.loading = busy
        for widget in (self.files, *self.buttons.values()):
            widget.disabled = busy

    def _refresh(self) -> None:
        """Show what is known now."""
        self.code.object = "```python\n" + "\n".join(self.session.lines) + "\n```"
        names = self.session.names[:MOST_SHOWN]
        self.gallery.objects = [self._card(name) for name in names]
        more = len(self.session.names) - len(names)
        if more > 0:
            self.gallery.append(pn.pane.Markdown(f"and {more} more"))

    def _card(self, name: str) -> Any:
        """One image with its tag and what is known of it."""
        images = self.session.images
        restored = images is not None and "restored" in images
        picture = self.session.picture(name, "restored" if restored else "image")
        chosen = next(k for k, tag in TAGS.items() if tag == self.session.tags.get(name))
        tag = pn.widgets.RadioButtonGroup(options=[*TAGS], value=chosen, width=THUMBNAIL_PX)
        tag.param.watch(lambda event: self.session.tag(name, TAGS[event.new]), "value")
        words = pn.pane.Markdown(f"**{name}** {self._verdict(name)}", width=THUMBNAIL_PX)
        return pn.Column(pn.pane.PNG(thumbnail(picture), width=THUMBNAIL_PX), tag, words)

    def _verdict(self, name: str) -> str:
        images = self.session.images
        if images is None or "focus" not in images:
            return ""
        one = images.sel(position=name)
        if not bool(one["trusted"]):
            return "cannot be judged"
        said = f"focus {float(one['focus']):.2f}"
        away = float(one["defocus"])
        said += f", {away:.1f} depths of field away" if np.isfinite(away) else ""
        return said + (", restored" if bool(one.get("was_restored", False)) else "")


def focus_panel(folder: str | os.PathLike[str] = "focus_panel") -> FocusPanel:
    """A panel that sorts and restores images: ``focus_panel().view`` in a notebook.

    Parameters
    ----------
    folder : path
        Where images are kept, and results written.

    Returns
    -------
    FocusPanel
        ``.view`` for a notebook, ``.serve()`` for a browser, ``.session`` for what was done.
    """
    return FocusPanel(folder)


def thumbnail(image: NDArray[np.floating]) -> bytes:
    """A small PNG of an image (y, x), from its darkest to its brightest hundredth."""
    from matplotlib.image import imsave

    step = max(1, -(-max(image.shape) // THUMBNAIL_PX))
    small = np.asarray(image, float)[::step, ::step]
    known = small[np.isfinite(small)]
    low, high = np.percentile(known, (1, 99)) if known.size else (0.0, 1.0)
    file = io.BytesIO()
    imsave(file, np.nan_to_num(small, nan=low), cmap="gray", vmin=low, vmax=max(high, low + 1e-9))
    return file.getvalue()
