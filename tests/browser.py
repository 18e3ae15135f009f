"""A page in a real browser: what a script that runs in it finds there."""

import json
import re
import shutil
import subprocess
from html import unescape

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
