// What several modules share; importing this file changes nothing by itself.

/**
 * Live regions: <div data-live="URL"> is replaced by what URL answers until the answer carries no data-live.
 * Polls twice a second at first, then ever more slowly up to five seconds; pauses while the page is hidden.
 */
export function follow(region) {
  let wait_ms = 500;
  let shown = null;
  const tick = async () => {
    if (!region.isConnected) return;
    if (document.hidden) {
      document.addEventListener("visibilitychange", tick, { once: true });
      return;
    }
    try {
      const answer = await fetch(region.dataset.live, { headers: { "X-Fragment": "1" }, credentials: "same-origin" });
      if (answer.ok) {
        // A form's token differs in every answer and means nothing to the reader.
        const text = (await answer.text()).replace(/name="csrfmiddlewaretoken" value="[^"]*"/g, "");
        const changed = text !== shown;
        shown = text;
        const next = changed && document.createRange().createContextualFragment(text).firstElementChild;
        if (next) {
          const token = region.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
          for (const input of next.querySelectorAll("input[type=hidden]:not([name])")) {
            input.name = "csrfmiddlewaretoken";
            input.value = token;
          }
          const open = new Set([...region.querySelectorAll("details[open]")].map((one) => one.id));
          for (const one of next.querySelectorAll("details[id]")) one.open = open.has(one.id) || one.open;
          region.replaceWith(next);
          region = next;
          document.dispatchEvent(new CustomEvent("live:updated", { detail: next }));
        }
        if (!region.dataset.live) return;
      } else if (answer.status === 403 || answer.status === 404) {
        return;
      }
    } catch {
      // The network comes and goes; the next round asks again.
    }
    wait_ms = Math.min(5000, wait_ms * 1.15);
    setTimeout(tick, wait_ms);
  };
  setTimeout(tick, wait_ms);
}

/**
 * Moments are written by the server in UTC; show them in the reader's own time zone, which is named, and in the order that
 * the reader is used to: of their browser's languages the first that is the page's language ("en-GB" on an English page).
 */
export function localTimes(root = document) {
  const page = document.documentElement.lang;
  const base = page.split("-")[0];
  const locale = navigator.languages?.find((one) => one.split("-")[0] === base) ?? page;
  const format = new Intl.DateTimeFormat(locale, {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZoneName: "short",
  });
  for (const time of root.querySelectorAll("time[data-local]")) {
    const moment = new Date(time.dateTime);
    if (!Number.isNaN(moment.valueOf())) {
      time.title ||= time.textContent;
      time.textContent = format.format(moment);
    }
  }
}
