"""What a browser computes for an answer at 100 tokens per second, traced in Chromium, milliseconds per frame.

    python -m benchmarks.pages.frames [--chromium FILE]

script   what scripts take of the main thread between two frames: median, 95th percentile, longest; goal 16. The style
         and layout that they wait for, to keep the end in view, are not theirs: the frame would need them anyway
work     all that the main thread does: scripts, style, layout, paint
4 times  with the processor throttled by the DevTools protocol to a quarter, as a phone

Each token of the echo engine is one byte; a byte every 2 ms is what a model of 100 tokens of 5 bytes a second writes.
"""

import argparse
import json
import statistics
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, TypeAlias

from playwright.sync_api import Browser, expect, sync_playwright

from benchmarks import rendering
from benchmarks.pages.filled import Filled, filled
from benchmarks.pages.viewers import FLAGS, start

Event: TypeAlias = dict[str, Any]

_FLAGS = ["--no-sandbox", "--disable-background-networking"]
_CATEGORIES = ["devtools.timeline", "devtools.timeline.frame", "disabled-by-default-devtools.timeline", "v8"]
_SCRIPTS = {"FunctionCall", "EvaluateScript", "TimerFire", "FireAnimationFrame", "EventDispatch", "RunMicrotasks"}
_LAYOUT = {"UpdateLayoutTree", "Layout"}
_FRAME, _TASK = "Commit", "RunTask"
_PATIENCE = 120_000  # ms


def trace(browser: Browser, device: Filled, text: str, slower: int) -> list[Event]:
    """Return what Chromium recorded while a page showed an answer from beginning to end."""
    conversation, message = start(device, text)
    name, _, value = device.cookie.partition("=")
    page = browser.new_page(base_url=device.server.url, viewport={"width": 1280, "height": 800})
    page.context.add_cookies([{"name": name, "value": value, "url": device.server.url}])
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
    page.goto(f"/c/{conversation}")
    browser.start_tracing(page=page, categories=_CATEGORIES)
    expect(page.locator(f"#m-{message}")).not_to_have_attribute("data-state", "running", timeout=_PATIENCE)
    recorded = browser.stop_tracing()
    page.close()
    events: list[Event] = json.loads(recorded)["traceEvents"]
    return sorted(main_thread(events), key=lambda event: float(event["ts"]))


def main_thread(events: list[Event]) -> list[Event]:
    """Return the events of the thread in which scripts ran longest: that of the page."""
    by_thread: dict[tuple[int, int], list[Event]] = defaultdict(list)
    for event in events:
        by_thread[event["pid"], event["tid"]].append(event)
    return max(by_thread.values(), key=lambda thread: sum(e.get("dur", 0) for e in thread if e["name"] in _SCRIPTS))


def per_frame(events: list[Event], names: set[str]) -> Iterator[float]:
    """Yield the milliseconds that events of these names take between two frames, those within others counted once."""
    spent, end = 0.0, 0.0
    for event in events:
        if event["name"] == _FRAME:
            yield spent
            spent = 0.0
        elif event["name"] in names and "dur" in event:
            begin = max(end, event["ts"])
            end = max(end, event["ts"] + event["dur"])
            spent += (end - begin) / 1000
    yield spent


def scripting(events: list[Event]) -> Iterator[float]:
    """Yield the milliseconds between two frames that scripts take, without the layout within them."""
    with_layout = per_frame(events, _SCRIPTS)
    within: list[Event] = []
    end = 0.0
    for event in events:
        if event["name"] in _SCRIPTS and "dur" in event:
            end = max(end, event["ts"] + event["dur"])
        elif event["name"] == _FRAME or (event["name"] in _LAYOUT and event["ts"] < end):
            within.append(event)
    return (both - layout for both, layout in zip(with_layout, per_frame(within, _LAYOUT), strict=True))


def summary(times: list[float]) -> str:
    """Return median, 95th percentile and maximum of the frames in which something was done."""
    ran = sorted(time for time in times if time)
    return f"{statistics.median(ran):5.1f} {ran[int(0.95 * (len(ran) - 1))]:5.1f} {ran[-1]:5.1f}"


def report(browser: Browser, device: Filled) -> None:
    """Print a line per answer and speed of the processor."""
    for name in rendering.ANSWERS:
        for slower in (1, 4):
            events = trace(browser, device, rendering.answer(name), slower)
            script, work = list(scripting(events)), list(per_frame(events, {_TASK}))
            print(f"{name:7} {slower} times  script {summary(script)}  work {summary(work)}  {len(work)} frames")


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
