// The studio: styles follow the chosen voice, and the speech is made and shown without leaving the page.

import { follow, localTimes } from "./live.js";
import "./wave.js";

const form = document.querySelector("form[data-studio]");
const panel = document.querySelector("[data-result]");

const voice = form.querySelector("[name=voice]");
const styles = [...form.querySelectorAll("fieldset[data-voice]")];
const chooseVoice = () => {
  for (const group of styles) {
    group.hidden = group.dataset.voice !== voice.value;
    group.disabled = group.hidden;
  }
};
voice.addEventListener("change", chooseVoice);
chooseVoice();

// A stream is heard while it is made; it breaks off by itself when the owner of the voice ends it.
const listen = (fragment) => {
  panel.parentElement.querySelector("audio[data-while-made]")?.remove();
  if (!fragment.dataset.stream) return;
  const player = document.createElement("audio");
  player.dataset.whileMade = "";
  player.controls = true;
  player.autoplay = true;
  player.setAttribute("aria-label", form.dataset.streamLabel);
  for (const end of ["ended", "error"]) player.addEventListener(end, () => player.remove());
  player.src = fragment.dataset.stream;
  panel.before(player);
};

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("[data-speak]");
  button.disabled = true;
  panel.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { "X-Fragment": "1" },
      credentials: "same-origin",
    });
    const fragment = document.createRange().createContextualFragment(await answer.text()).firstElementChild;
    panel.replaceChildren(fragment);
    localTimes(panel);
    if (fragment.dataset.live) follow(fragment);
    listen(fragment);
    panel.scrollIntoView({ block: "nearest", behavior: "smooth" });
  } catch {
    panel.textContent = form.dataset.offline;
  } finally {
    button.disabled = false;
    panel.removeAttribute("aria-busy");
    delete form.dataset.sent;
  }
});

// Control or Command with Enter speaks.
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});

// What was just made here is heard here: its wave is loaded at once. Elsewhere a listener asks for it first.
document.addEventListener("live:updated", (event) => {
  for (const player of event.detail.querySelectorAll("wave-player")) player.load();
});
