"""A person at a browser, who notices what must never happen: a policy report, a script error, sideways scrolling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe

_WATCH = """
document.addEventListener('securitypolicyviolation', (event) => {
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});
"""
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


class Visitor:
    """One browser context and page. `faults` collects what went wrong on any page since the last `check`."""

    def __init__(
        self,
        browser: Any,
        base_url: str,
        pictures: Path | None,
        *,
        phone: bool = False,
        dark: bool = False,
        chinese: bool = False,
        state: Any = None,
    ) -> None:
        self.base_url = base_url
        self.pictures = pictures
        self.is_phone, self.is_dark = phone, dark
        self.name = "-".join(
            ["phone" if phone else "desk", "dark" if dark else "light", "zh" if chinese else "en"]
        )
        self.faults: list[str] = []
        self.context = browser.new_context(
            base_url=base_url,
            viewport=PHONE if phone else DESK,
            color_scheme="dark" if dark else "light",
            locale="zh-CN" if chinese else "en-GB",
            permissions=["microphone"],
            accept_downloads=True,
            storage_state=state,
        )
        self.context.add_init_script(_WATCH)
        self.page = self.new_page()

    def new_page(self) -> Any:
        page = self.context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        page.on("console", lambda message: self._heard(page, message))
        page.on("request", lambda request: self._asked(page, request))
        return page

    def _heard(self, page: Any, message: Any) -> None:
        # An expected refusal (403, 404) is written to the console by the browser itself and is no fault.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(f"{page.url}: {message.text}")

    def _asked(self, page: Any, request: Any) -> None:
        if not request.url.startswith((self.base_url, "data:", "blob:")):
            self.faults.append(f"{page.url} asked for {request.url}")

    def go(self, path: str, *, status: int = 200) -> None:
        answer = self.page.goto(path, wait_until="load")
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status}"

    def picture(self, name: str) -> None:
        if self.pictures is None:
            return
        self.page.screenshot(path=self.pictures / f"{name}-{self.name}.png", full_page=True)

    def check(self) -> None:
        """Nothing went wrong since the last check, and this page does not scroll sideways."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{self.page.url} is {wide} px too wide ({self.name})"
        faults, self.faults = self.faults, []
        assert not faults, "\n".join(faults)

    def check_accessible(self) -> None:
        """axe finds no fault in this page. Asked for in one look of each theme and size: it takes its time."""
        if self.is_phone != self.is_dark:
            return
        found = Axe().run(self.page).response["violations"]
        faults = [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in found]
        assert not faults, f"{self.page.url} ({self.name}): {faults}"

    def leave(self) -> None:
        self.context.close()
