// Behaviour that every page shares. Each block enhances markup that already works without scripts.

import { follow, localTimes } from "./live.js";

/** Menus close with Escape, on a click outside, and when the focus leaves them. */
for (const menu of document.querySelectorAll("[data-menu]")) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });
}

/** Forms with one choice send themselves when it changes. */
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-autosubmit]");
  if (form) form.requestSubmit();
});

/** A form that changes something for good asks first; any form is sent once. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  const question = event.submitter?.dataset.confirm ?? form.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
    return;
  }
  if (form.dataset.sent && form.method === "post" && !form.dataset.again) {
    event.preventDefault();
    return;
  }
  if (!event.defaultPrevented && form.method === "post") form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

/** Copy buttons: <button data-copy="#id"> copies the text of the element it names. */
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.querySelector(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    const label = button.querySelector("[data-label]") ?? button;
    const before = label.textContent;
    label.textContent = button.dataset.copied;
    setTimeout(() => { label.textContent = before; }, 2000);
  } catch {
    const range = document.createRange();
    range.selectNodeContents(source);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  }
});

for (const region of document.querySelectorAll("[data-live]")) follow(region);
localTimes();
document.addEventListener("live:updated", (event) => localTimes(event.detail));

/**
 * Counted text: <textarea data-count="#id" data-limit="N" data-too-long="..."> shows how many characters there are, in red
 * above the limit, and its form is then not sent. Nothing that was pasted is cut off. Counted as the server counts:
 * by code points.
 */
for (const area of document.querySelectorAll("[data-count]")) {
  const shown = document.querySelector(area.dataset.count);
  const limit = Number(area.dataset.limit);
  const update = () => {
    const length = [...area.value].length;
    const isOver = length > limit;
    shown.textContent = isOver ? `${length} / ${limit} · ${area.dataset.tooLong}` : `${length} / ${limit}`;
    // Read out where the limit is crossed, and not at every key.
    shown.setAttribute("aria-live", isOver === shown.classList.contains("over") ? "off" : "polite");
    shown.classList.toggle("over", isOver);
    area.setAttribute("aria-invalid", String(isOver));
    area.setCustomValidity(isOver ? area.dataset.tooLong : "");
  };
  area.addEventListener("input", update);
  update();
}

/** Sliders: <input type=range data-shows="#id"> writes its value with one or two decimals. */
for (const slider of document.querySelectorAll("[data-shows]")) {
  const shown = document.querySelector(slider.dataset.shows);
  const update = () => { shown.textContent = `${Number(slider.value).toFixed(2).replace(/0$/, "")}×`; };
  slider.addEventListener("input", update);
  update();
}
