"""A tool that the agent used, as rows: a head, and under it what it was given and what it gave."""

from dataclasses import dataclass, field

from tui import formats
from tui.reading.rows import Kind, Row, Span, broken
from tui.reading.wrapping import cells, crop, one_line, visible


@dataclass(slots=True, eq=False)
class Tool:
    """One use of a tool. `key` is its first piece, `done_key` the one that ended it."""

    key: int
    name: str
    input: str
    began: str
    unfolded: bool = False
    cut: int = 0
    done_key: int = -1
    ok: bool | None = None
    _output: str = ""
    _output_cut: int = 0
    _took: float = field(default=0.0)

    def end(self, key: int, at: str, output: str, *, ok: bool, cut: int) -> None:
        """It ended, at the moment `at`; `cut` bytes of its output are not in `output`."""
        self.done_key = key
        self.ok = ok
        self._output = output
        self._output_cut = cut
        self._took = formats.seconds(at) - formats.seconds(self.began)

    def rows(self, width: int) -> list[Row]:
        """Its head, and its body if it is unfolded."""
        return [self._head(width), *(self._body(width) if self.unfolded else ())]

    def _head(self, width: int) -> Row:
        sign = "▾" if self.unfolded else "▸"
        end, style = self._ending()
        name = crop(one_line(self.name), max(24, width // 3))
        room = width - cells(name) - len(end) - 5
        said = crop(one_line(self.input, 4 * width), room) if room > 4 else ""
        gap = " " * max(1, room - cells(said) + 1)
        text = f"{sign} {name}  {said}{gap}{end}"
        spans: tuple[Span, ...] = (
            (0, 2 + len(name), "accent"),
            (2, 2 + len(name), "strong"),
            (len(text) - len(end), len(text), style),
        )
        return Row(text, Kind.HEAD, spans=spans, item=self, held=len(self.input) + len(self._output))

    def _ending(self) -> tuple[str, str]:
        if self.ok is None:
            return "● at work", "accent"
        took = formats.duration(self._took)
        return (f"✓ ok {took}", "good") if self.ok else (f"✗ failed {took}", "bad")

    def _body(self, width: int) -> list[Row]:
        rows: list[Row] = []
        for title, text, cut in (("input", self.input, self.cut), ("output", self._output, self._output_cut)):
            if not text:
                continue
            rows.append(Row(title, Kind.BODY, spans=((0, len(title), "muted"),), item=self))
            shown = visible(text.replace("\r\n", "\n")).removesuffix("\n")
            lines = shown.split("\n")
            if cut:
                lines.append(f"… {formats.size(cut)} more; all of it is in the run's events over HTTP")
            for line in lines:
                rows += [_of(self, row) for row in broken(line, width - 2, Kind.BODY)]
        return rows or [Row("nothing was told of it", Kind.BODY, spans=((0, 80, "muted"),), item=self)]


def _of(tool: Tool, row: Row) -> Row:
    return Row(row.text, row.kind, soft=row.soft, spans=row.spans, item=tool)
