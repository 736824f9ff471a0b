"""How fast the report page answers: the longest task while it loads, and a brush step over the topometrics.

    python benchmarks/page.py results/published/report.html [another.html ...]

Needs Debian's chromium and playwright. Times are CPU milliseconds of the page's main thread (of its tasks in Chromium's
trace), which other work on the machine does not stretch, and beside them what passed. A brush step is a mouse move of a
drag across one panel until its frame. Several pages: one from before a change can be held beside one from after.
"""

import json
import sys
from pathlib import Path
from statistics import median

from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
STEPS = 20
PANEL = """
() => {
    const chart = document.querySelector('#chart-networks');
    chart.scrollIntoView();
    const canvas = chart.querySelector('canvas').getBoundingClientRect();
    return [canvas.x + 80, canvas.y + 100];
}
"""
# The next frame has been painted.
FRAME = "() => new Promise(done => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"


def tasks(trace: bytes) -> list[dict]:
    """The tasks of the page's main thread: {"dur": microseconds that passed, "tdur": of CPU}."""
    events = json.loads(trace)["traceEvents"]
    names = [e for e in events if e["name"] == "thread_name" and e["args"]["name"] == "CrRendererMain"]
    main = {(e["pid"], e["tid"]) for e in names}
    return [e for e in events if e["name"] == "RunTask" and "tdur" in e and (e["pid"], e["tid"]) in main]


def measured(browser, file: Path) -> dict[str, tuple[float, float]]:
    """{what: (CPU, passed)} in milliseconds."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000}, reduced_motion="reduce")
    categories = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
    browser.start_tracing(page=page, categories=categories)
    page.goto(file.resolve().as_uri())
    page.wait_for_selector("body[data-ready=yes]", timeout=120_000)
    loading = tasks(browser.stop_tracing())
    x, y = page.evaluate(PANEL)
    page.wait_for_timeout(1500)
    browser.start_tracing(page=page, categories=categories)
    page.mouse.move(x, y)
    page.mouse.down()
    steps = []
    for k in range(1, STEPS + 1):
        start = page.evaluate("performance.now()")
        page.mouse.move(x + 4 * k, y + 4 * k)
        steps.append(page.evaluate(FRAME) - start)
    dragging = tasks(browser.stop_tracing())
    page.mouse.up()
    page.close()
    longest = [max(task[time] for task in loading) / 1e3 for time in ("tdur", "dur")]
    step = sum(task["tdur"] for task in dragging) / STEPS / 1e3
    return {"longest task at load": tuple(longest), "brush step": (step, median(steps))}


if __name__ == "__main__":
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for name in sys.argv[1:]:
            print(name)
            for what, (cpu, passed) in measured(browser, Path(name)).items():
                print(f"  {what:24}{cpu:8.0f} ms of CPU {passed:8.0f} ms")
        browser.close()
