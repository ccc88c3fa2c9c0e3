"""A dashboard as a picture or PDF, drawn by Chromium as one account sees it.

Chromium is driven over two pipes: no driver to install, no port that others of this machine could speak to, and it ends
with the process that started it. It knows one address, that of the dashboards, and none of our secrets.
"""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
MISSING = "本机缺少 {}，画不出看板：apt-get install chromium fonts-noto-cjk"
ENDED = "Chromium 意外退出"
WIDTH = 1600
FIRST_HEIGHT = 6000  # charts ask for their data when they come into sight
MARGIN = 16  # below the last row, as beside it
TALLEST = 16_000  # pixels that a picture may have
PIXELS_PER_INCH = 96
PAGE_SECONDS = 120
STILL_SECONDS = 0.6
ANIMATION_SECONDS = 1.5  # how long the chart library moves what it draws
FLAGS = ["--headless=new", "--remote-debugging-pipe", "--enable-automation", "--no-first-run", "--lang=zh-CN"]
FLAGS += ["--hide-scrollbars", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
# The sandbox is not for root, and containers forbid it. It opens our own pages and can reach no other.
FLAGS += ["--disable-crash-reporter", "--no-sandbox"]

# What the page is at. Every chart is in a holder; one that waits shows .loading, one that failed an alert.
STATE = """(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const holders = all('.dashboard-component-chart-holder').filter((one) => !one.closest('.dashboard-markdown'));
  return {
    charts: holders.length,
    waiting: all('.loading').length + holders.filter((one) => !one.querySelector('.chart-container')).length,
    failed: all('[role="alert"]').map((one) => {
      const holder = one.closest('.dashboard-component-chart-holder');
      return (holder?.querySelector('[data-test="slice-header"]') ?? one).innerText.trim().slice(0, 80);
    }),
    bottom: Math.ceil(Math.max(...all('[data-test="grid-content"]').map((one) => one.getBoundingClientRect().bottom))),
    note: document.querySelector('.dashboard-component-chart-holder:has(#CHART-data_note) td')?.innerText.trim() ?? '',
  };
})()"""
# A page to read has no buttons, and its links lead where people reach the dashboards.
DRESS = """((ours, theirs) => {
  const style = document.createElement('style');
  style.textContent = '.header-controls, .header-with-actions > :not(.title-panel), .title-panel > :not(:first-child)'
    + ' { display: none !important }';
  document.head.append(style);
  document.querySelectorAll('a[href]').forEach((one) => { one.href = one.href.replace(ours, theirs); });
})(location.origin + '/', %s)"""


class CannotDraw(Exception):
    """The page did not come to stand; the text says what is missing."""


@dataclass(frozen=True)
class Drawn:
    content: bytes
    note: str  # what stands on top of it: the day of the figures, and whether they are made up


def draw(address: str, cookies: dict[str, str], kind: str, link: str, width: int | None = None) -> Drawn:
    """The whole page. kind: png or pdf. cookies: of the account's session. link: where people reach Superset.

    Raises CannotDraw.
    """
    with _browser(address) as browser:
        for name, value in cookies.items():
            browser.call("Network.setCookie", name=name, value=value, url=address, httpOnly=True)
        browser.call("Emulation.setTimezoneOverride", timezoneId="Asia/Shanghai")
        width = width or WIDTH
        browser.resize(width, FIRST_HEIGHT, kind)
        browser.open(address)
        browser.settle()
        browser.call("Runtime.evaluate", expression=DRESS % json.dumps(link))
        height = browser.settle()["bottom"] + MARGIN
        if height > TALLEST:
            raise CannotDraw(f"看板高 {height} 像素，超过 {TALLEST}")
        browser.resize(width, height, kind)
        note = browser.settle(ANIMATION_SECONDS)["note"]
        return Drawn(browser.pdf(width, height) if kind == "pdf" else browser.png(), note)


class Browser:
    """One page, and the requests of it that are not answered yet."""

    def __init__(self, to_it: int, from_it: int) -> None:
        self.to_it, self.from_it = to_it, from_it
        self.deadline = time.monotonic() + PAGE_SECONDS
        self.buffer, self.number, self.session = b"", 0, None
        self.asked: set[str] = set()
        page = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable")

    def open(self, address: str) -> None:
        """Wait for a server that is just starting."""
        while said := self.call("Page.navigate", url=address).get("errorText"):
            if time.monotonic() > self.deadline:
                raise CannotDraw(f"Superset 没有答复（{said}）")
            time.sleep(1)

    def resize(self, width: int, height: int, kind: str) -> None:
        scale = 2 if kind == "pdf" else 1  # charts are bitmaps: in a PDF people zoom into them
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False
        )

    def settle(self, still_seconds: float = STILL_SECONDS) -> dict:
        """Wait until every chart stands, and the page has been still for so long. Raises CannotDraw."""
        since, before = time.monotonic(), None
        while True:
            now = self.call("Runtime.evaluate", expression=STATE, returnByValue=True)["result"].get("value")
            if not now or not now["charts"] or now["waiting"] or self.asked or now != before:
                since, before = time.monotonic(), now
            elif time.monotonic() - since > still_seconds:
                break
            self._pump(0.2)
            if time.monotonic() > self.deadline:
                raise CannotDraw(f"看板在 {PAGE_SECONDS} 秒内没有画完")
        if now["failed"]:
            raise CannotDraw(f"有图画不出来：{'、'.join(now['failed'])}")
        return now

    def png(self) -> bytes:
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def pdf(self, width: int, height: int) -> bytes:
        """One page as tall as the dashboard: texts stay texts, and nothing is cut between two sheets.

        What is a little too tall for the paper goes to a second one as a whole: so the paper grows until it fits.
        """
        self.call("Emulation.setEmulatedMedia", media="screen")
        sides = dict.fromkeys(("marginTop", "marginBottom", "marginLeft", "marginRight"), 0)
        for more in (0, 64, 256, 1024):
            size = {"paperWidth": width / PIXELS_PER_INCH, "paperHeight": (height + more) / PIXELS_PER_INCH}
            printed = self.call("Page.printToPDF", printBackground=True, **size, **sides)
            content = base64.b64decode(printed["data"])
            if content.count(b"/Type /Page\n") == 1:
                return content
        raise CannotDraw("看板放不进一页 PDF")

    def call(self, method: str, **parameters: object) -> dict:
        self.number += 1
        number = self.number
        asked = {"id": number, "method": method, "params": parameters}
        _write(self.to_it, json.dumps(asked | ({"sessionId": self.session} if self.session else {})).encode() + b"\0")
        while True:
            for message in self._pump(1):
                if message.get("id") == number:
                    if "error" in message:
                        raise CannotDraw(f"Chromium: {method}: {message['error'].get('message')}")
                    return message["result"]
            if time.monotonic() > self.deadline:
                raise CannotDraw(f"Chromium 在 {PAGE_SECONDS} 秒内没有答复（{method}）")

    def _pump(self, seconds: float) -> list[dict]:
        """What it says within that time, and keep count of the requests."""
        ready, _, _ = select.select([self.from_it], [], [], seconds)
        if not ready:
            return []
        read = os.read(self.from_it, 1 << 20)
        if not read:
            raise CannotDraw(ENDED)
        *whole, self.buffer = (self.buffer + read).split(b"\0")
        messages = [json.loads(one) for one in whole]
        for message in messages:
            request = message.get("params", {}).get("requestId")
            if message.get("method") == "Network.requestWillBeSent":
                self.asked.add(request)
            elif message.get("method") in ("Network.loadingFinished", "Network.loadingFailed"):
                self.asked.discard(request)
        return messages


@contextmanager
def _browser(address: str) -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise CannotDraw(MISSING.format("Chromium"))
    if not has_cjk_font():
        raise CannotDraw(MISSING.format("中文字体"))
    host = urlsplit(address).hostname
    its_in, to_it = os.pipe()
    from_it, its_out = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [program, *FLAGS, f"--user-data-dir={folder}/profile"]
        command += [f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {host}"]
        # Chromium reads from 3 and writes to 4; the shell puts the pipes there.
        shell = ["/bin/sh", "-c", f'exec "$@" 3<&{its_in} 4>&{its_out}', "sh", *command]
        process = subprocess.Popen(
            shell,
            pass_fds=(its_in, its_out),
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": folder, "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(its_in)
        os.close(its_out)
        try:
            yield Browser(to_it, from_it)
        finally:
            os.close(to_it)
            os.close(from_it)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _write(descriptor: int, content: bytes) -> None:
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    except BrokenPipeError:
        raise CannotDraw(ENDED) from None


def has_cjk_font() -> bool:
    """True too where nothing tells."""
    if not shutil.which("fc-list"):
        return True
    return bool(subprocess.run(["fc-list", ":lang=zh-cn"], capture_output=True).stdout.strip())
