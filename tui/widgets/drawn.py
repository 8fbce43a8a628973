"""A widget that draws its lines itself, and again only those that changed."""

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class Drawn(Widget):
    """Subclasses give `line`; `redraw` has those painted that are not the same object as before.

    Nothing here asks for a layout, and where in its text a segment begins is worked out for the mouse alone: for
    each frame it would cost more than all the rest.
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own
        super().__init__(id=id)
        self._on_screen: list[Strip] = []
        self._is_frame = False

    def line(self, y: int) -> Strip:
        """How line `y` looks now; the very same strip as long as it looks the same."""
        raise NotImplementedError

    def marked(self, strip: Strip, y: int) -> Strip:
        """`strip` with what is selected in it."""
        raise NotImplementedError

    def placed(self, strip: Strip, y: int) -> Strip:
        """`strip` with where its text is, for the mouse."""
        raise NotImplementedError

    def lines(self) -> list[Strip]:
        """All that are seen."""
        return [self.line(y) for y in range(self.size.height)]

    def redraw(self) -> None:
        """Have painted what changed."""
        lines, before, width = self.lines(), self._on_screen, self.size.width
        changed = [y for y, strip in enumerate(lines) if y >= len(before) or before[y] is not strip]
        self._on_screen = lines
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def render_line(self, y: int) -> Strip:
        strip = self._on_screen[y] if y < len(self._on_screen) else self.line(y)
        if self.text_selection:
            strip = self.marked(strip, y)
        return strip if self._is_frame else self.placed(strip, y)

    def render_lines(self, crop: Region) -> list[Strip]:
        self._is_frame = True
        try:
            return super().render_lines(crop)
        finally:
            self._is_frame = False

    @property
    def selected_style(self) -> Style:
        """How a selection looks."""
        return self.screen.get_component_rich_style("screen--selection")
