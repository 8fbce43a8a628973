"""A process with a small console: `standin.py REPORTS LOG [busy] [stoppable]`. On REPORTS it says what happens.

Its keys: `q` leaves, `x` crashes, `w` writes to standard output and error, `s` stops what `busy` does, which is to
change the picture all the time, `a` sends itself SIGUSR1, which is answered with `alive`, as long as the loop is
not held.
"""

import asyncio
import contextlib
import json
import os
import signal
import stat
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from rich.segment import Segment
from textual.app import App
from textual.strip import Strip
from textual.widget import Widget

from tui.terminal.fitness import unfit
from tui.terminal.show import Crashed, HungUp, show


def report(event, **facts):
    with contextlib.suppress(BrokenPipeError):
        os.write(PIPE, json.dumps({"event": event, "pid": os.getpid(), **facts}).encode() + b"\n")


class Picture(Widget):
    """Each line says how often the picture has changed."""

    version = 0

    def render_line(self, y):
        return Strip([Segment(f"line {y} version {self.version} ".ljust(self.size.width, "."))])


class Small(App):
    ENABLE_COMMAND_PALETTE = False

    def compose(self):
        yield Picture()

    def on_mount(self):
        self.busy = self.set_interval(0.003, self.change, pause="busy" not in sys.argv)

    def change(self):
        picture = self.query_one(Picture)
        picture.version += 1
        picture.refresh()

    def on_key(self, event):
        report("key", key=event.key, character=event.character)
        match event.key:
            case "q":
                self.exit("left")
            case "x":
                raise RuntimeError("crashed on request")
            case "a":
                os.kill(os.getpid(), signal.SIGUSR1)
            case "w":
                os.write(1, b"stray output\n")
                os.write(2, b"stray error\n")
                report("written", to=stat.S_ISREG(os.fstat(1).st_mode))
            case "s":
                self.busy.stop()
                report("stopped", version=self.query_one(Picture).version)

    def on_paste(self, event):
        report("paste", text=event.text)

    def on_resize(self, event):
        report("resize", size=list(event.size))

    def on_mouse_down(self, event):
        report("mouse", at=[event.x, event.y])

    def on_app_blur(self):
        report("blur")


async def main():
    loop = asyncio.get_running_loop()
    factory = loop.get_task_factory()
    app = Small()
    told = []

    def shown():
        if not told:
            told.append(report("shown"))

    def alive():
        report("alive", own=loop.get_task_factory() is factory, stalled=app._driver._outlet.stalled)

    loop.add_signal_handler(signal.SIGUSR1, alive)
    loop.add_signal_handler(signal.SIGTERM, app.exit)
    if why := unfit():
        report("unfit", why=why)
        return
    try:
        left = await show(app, Path(sys.argv[2]), shown=shown, stoppable="stoppable" in sys.argv)
    except Crashed as crash:
        left = f"crashed: {crash.__cause__}"
    except HungUp:
        left = "hung up"
    handled = [each for each in (signal.SIGWINCH, signal.SIGCONT, signal.SIGTSTP) if signal.getsignal(each)]
    report("left", left=left, blocking=os.get_blocking(0), handled=handled, own=loop.get_task_factory() is factory)


if __name__ == "__main__":
    PIPE = os.open(sys.argv[1], os.O_WRONLY)
    asyncio.run(main())
