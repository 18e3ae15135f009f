"""A page in a real browser: what a script that runs in it finds there."""

import json
import re
import shutil
import subprocess
from html import escape, unescape

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
QUIET += ["--disable-background-networking", "--disable-component-update", "--window-size=1500,1000"]
QUIET += ["--virtual-time-budget=20000"]

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to open the page in")


def found(html, script, folder, address="", dark=False):
    """Open a page and give, from JSON, what the body of an async function returns once it is there.

    Args:
        html: The page.
        script: The body; it may wait with `await settled()` until the page has answered to what was done.
        folder: An empty one, for the browser.
        address: What follows the page's name, such as "#images".
        dark: Whether the reader's system is dark.
    """
    run = f"""<script>addEventListener("load", async () => {{
        const settled = () => new Promise(done => setTimeout(done, 50));
        const result = await (async () => {{ {script} }})();
        document.documentElement.innerHTML = "";
        document.body.textContent = JSON.stringify(result);
    }})</script>"""
    page = folder / "page.html"
    page.write_text(html + run, encoding="utf-8")
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    profile = f"--user-data-dir={folder / 'browser'}"
    command = [CHROMIUM, *QUIET, scheme, profile, "--dump-dom", page.as_uri() + address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return json.loads(unescape(re.search(r"<body>(.*)</body>", done.stdout, re.DOTALL)[1]))


def fit(html, width, folder):
    """Assert that a page neither scrolls sideways at this width nor has small print; gives how many pictures it has."""
    # A window has a least width, a frame has none; one with srcdoc may be looked into.
    frame = f'<iframe width="{width}" height="900" style="border: 0" srcdoc="{escape(html)}"></iframe>'
    look = """
        const {document: page, innerWidth: width} = frames[0];
        const free = [...page.querySelectorAll("main *")].filter(e => !e.parentElement.closest(".scroll"));
        const outside = free.filter(e => e.getBoundingClientRect().right > width + 1);
        return {
            width, page: page.documentElement.scrollWidth, outside: outside.map(e => e.outerHTML.slice(0, 80)),
            pictures: [...page.images].map(image => image.naturalWidth),
            font: Math.min(...free.map(e => parseFloat(getComputedStyle(e).fontSize))),
        };"""
    seen = found(f"<!doctype html><meta charset=utf-8><body>{frame}</body>", look, folder)
    assert seen["width"] == width
    assert seen["page"] <= width
    assert seen["outside"] == []
    assert min(seen["pictures"]) > 0
    assert seen["font"] >= 12
    return len(seen["pictures"])
