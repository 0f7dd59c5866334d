"""What a browser computes for an answer at 100 tokens per second, traced in Chromium, milliseconds per frame.

    python -m benchmarks.pages.frames [--chromium FILE]

work     all that the main thread does between two frames: median, 95th percentile, longest
script   of that, what scripts take: tasks in which any ran, without the style, layout and paint in them, which the
         frame would need anyway; goal 16
4 times  with the processor throttled by the DevTools protocol to a quarter, as a phone

All of it is processor time of that thread, so that it does not matter much what else the machine does. Nobody looks
into the page meanwhile: a look by Playwright takes 40 ms of the same thread.

Each token of the echo engine is one byte; a byte every 2 ms is what a model of 100 tokens of 5 bytes a second writes.
"""

import argparse
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, TypeAlias

from playwright.sync_api import Browser, sync_playwright

from benchmarks import rendering
from benchmarks.pages.filled import Filled, filled
from benchmarks.pages.viewers import FLAGS, start

Event: TypeAlias = dict[str, Any]

_FLAGS = ["--no-sandbox", "--disable-background-networking"]
_CATEGORIES = ["devtools.timeline", "devtools.timeline.frame", "disabled-by-default-devtools.timeline", "v8"]
_SCRIPTS = {"FunctionCall", "EventDispatch", "EvaluateScript", "ParseHTML"}
_SHOWING = {"UpdateLayoutTree", "Layout", "PrePaint", "Paint", "Layerize", "ScrollLayer", "UpdateLayer", "HitTest"}
_FRAME, _TASK = "Commit", "RunTask"
_LOOK, _AFTER = 0.5, 2.0  # seconds between two looks whether the answer has ended, and until the page shows that it has


def trace(browser: Browser, device: Filled, text: str, slower: int) -> list[Event]:
    """Return what Chromium recorded while a page showed an answer from beginning to end."""
    conversation, message = start(device, text)
    name, _, value = device.cookie.partition("=")
    page = browser.new_page(base_url=device.server.url, viewport={"width": 1280, "height": 800})
    page.context.add_cookies([{"name": name, "value": value, "url": device.server.url}])
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
    page.goto(f"/c/{conversation}")
    browser.start_tracing(page=page, categories=_CATEGORIES)
    wait(device, message)
    recorded = browser.stop_tracing()
    page.close()
    events: list[Event] = json.loads(recorded)["traceEvents"]
    timed = [event for event in main_thread(events) if "tts" in event]
    return sorted(timed, key=lambda event: float(event["tts"]))


def wait(device: Filled, message: str) -> None:
    """Wait until an answer has ended and pages have had the time to show it."""
    with device.client() as client:
        while 'data-state="running"' in client.get(f"/m/{message}").text:
            time.sleep(_LOOK)
    time.sleep(_AFTER)


def main_thread(events: list[Event]) -> list[Event]:
    """Return the events of the thread that painted most: that of the page."""
    by_thread: dict[tuple[int, int], list[Event]] = defaultdict(list)
    for event in events:
        by_thread[event["pid"], event["tid"]].append(event)
    return max(by_thread.values(), key=lambda thread: sum(e.get("dur", 0) for e in thread if e["name"] in _SHOWING))


def per_frame(events: list[Event], names: set[str]) -> Iterator[float]:
    """Yield the milliseconds that events of these names take between two frames, those within others counted once.

    `tts` and `tdur` are times of the thread's clock, which rests while the thread does, in microseconds.
    """
    spent, end = 0.0, 0.0
    for event in events:
        if event["name"] == _FRAME:
            yield spent
            spent = 0.0
        elif event["name"] in names:
            begin = max(end, event["tts"])
            end = max(end, event["tts"] + event.get("tdur", 0))
            spent += (end - begin) / 1000
    yield spent


def scripting(events: list[Event]) -> Iterator[float]:
    """Yield the milliseconds that scripts take between two frames. What follows a fetch is a task without a call."""
    of_scripts, task, end = list[Event](), list[Event](), 0.0
    for event in events:
        if event["name"] == _TASK and event["tts"] >= end:
            of_scripts += with_scripts(task)
            task, end = [], event["tts"] + event.get("tdur", 0)
        task.append(event)
    of_scripts += with_scripts(task)
    tasks, shown = per_frame(of_scripts, {_TASK}), per_frame(of_scripts, _SHOWING)
    return (all_of_it - showing for all_of_it, showing in zip(tasks, shown, strict=True))


def with_scripts(task: list[Event]) -> list[Event]:
    """Return the events of a task if a script ran in it, else only the ends of frames."""
    ran = any(event["name"] in _SCRIPTS for event in task)
    return [event for event in task if ran or event["name"] == _FRAME]


def summary(times: list[float]) -> str:
    """Return median, 95th percentile and maximum of the frames in which something was done."""
    ran = sorted(time for time in times if time)
    return f"{statistics.median(ran):5.1f} {ran[int(0.95 * (len(ran) - 1))]:5.1f} {ran[-1]:5.1f}"


def report(browser: Browser, device: Filled) -> None:
    """Print a line per answer and speed of the processor."""
    for name, text in answers().items():
        for slower in (1, 4):
            events = trace(browser, device, text, slower)
            script, work = list(scripting(events)), list(per_frame(events, {_TASK}))
            print(f"{name:7} {slower} times  script {summary(script)}  work {summary(work)}  {len(work)} frames")


def answers() -> dict[str, str]:
    """Return what is shown: the usual answers, and a table of 15 kB."""
    table = rendering.document("tables", 1).partition("| Type")[2].partition("\n\n")[0].splitlines()
    usual = {name: rendering.answer(name) for name in rendering.ANSWERS}
    head, rows = table[:2], table[2:]
    return {**usual, "a table": "\n".join(["| Type" + head[0], head[1], *rows * 60])[:15_000]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    with filled(*FLAGS, conversations=1) as device, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=_FLAGS)
        report(browser, device)
        browser.close()


if __name__ == "__main__":
    main()
