// The verifier's drop zone: drag and drop, paste, progress of the upload, and the answer put in its place.
// The form itself works without this file; the answer is the same page, of which `#answer` is taken.

import { follow, localTimes } from "./live.js";
import "./wave.js";

/** The file last sent: its waveform is drawn here, since the server keeps no copy. */
let own = null;
document.addEventListener("live:updated", (event) => addPlayer(event.detail));
window.addEventListener("popstate", () => location.reload());

for (const form of document.querySelectorAll("form[data-drop]")) enhance(form);

function enhance(form) {
  const input = form.querySelector("input[type=file]");
  const chosen = form.querySelector("[data-chosen]");
  const progress = form.querySelector("[data-progress]");
  const text = form.querySelector("[data-progress-text]");
  const bar = progress.querySelector("progress");
  const error = form.querySelector("[data-error]");
  const words = Object.fromEntries(
    [...form.querySelector("[data-words]").content.querySelectorAll("[data-word]")]
      .map((word) => [word.dataset.word, word.textContent]),
  );

  const over = (event) => {
    event.preventDefault();
    form.dataset.over = "yes";
  };
  form.addEventListener("dragenter", over);
  form.addEventListener("dragover", over);
  form.addEventListener("dragleave", (event) => {
    if (!form.contains(event.relatedTarget)) delete form.dataset.over;
  });
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    delete form.dataset.over;
    if (event.dataTransfer.files.length) take(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) take(event.clipboardData.files);
  });
  // A file dropped beside the zone must not navigate away from the page.
  for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
  input.addEventListener("change", () => { if (input.files.length) send(); });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (input.files.length) send();
  });

  function take(files) {
    const carrier = new DataTransfer();
    carrier.items.add(files[0]);
    input.files = carrier.files;
    send();
  }

  function send() {
    const file = input.files[0];
    const size = file.size < 2 ** 17 ? `${Math.ceil(file.size / 1024)} KiB` : `${(file.size / 2 ** 20).toFixed(1)} MiB`;
    chosen.textContent = `${file.name} · ${size}`;
    chosen.hidden = false;
    error.hidden = true;
    if (file.size > Number(form.dataset.limitMib) * 2 ** 20) {  // the server would refuse it after minutes of sending
      fail(words.tooLarge);
      return;
    }
    progress.hidden = false;
    bar.value = 0;
    text.textContent = words.sending;
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.responseType = "text";
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable && event.loaded < event.total) {
        bar.value = (100 * event.loaded) / event.total;
      } else {
        bar.removeAttribute("value");
        text.textContent = words.reading;
      }
    });
    request.upload.addEventListener("load", () => {
      bar.removeAttribute("value");
      text.textContent = words.reading;
    });
    request.addEventListener("load", () => finish(request, file));
    request.addEventListener("error", () => fail(words.failed));
    request.send(new FormData(form));
  }

  function fail(message) {
    progress.hidden = true;
    error.textContent = message;
    error.hidden = false;
    input.value = "";
  }

  function finish(request, file) {
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    // A refusal comes with the verifier's own page, whose place for an answer is empty.
    const refusal = page.querySelector("[data-refusal]");
    const answer = page.querySelector("#answer");
    if (refusal || !answer) {
      fail(refusal?.textContent.trim() || words.failed);
      return;
    }
    progress.hidden = true;
    input.value = "";
    const place = document.querySelector("#answer");
    if (!place) {
      const main = document.querySelector("main");
      main.replaceChildren(answer);
    } else {
      place.replaceWith(answer);
    }
    own = file;
    addPlayer(answer);
    for (const region of answer.matches("[data-live]") ? [answer] : answer.querySelectorAll("[data-live]")) follow(region);
    localTimes(answer);
    history.pushState(null, "", request.responseURL);
    answer.scrollIntoView({ block: "start", behavior: "smooth" });
    answer.querySelector("h2")?.focus({ preventScroll: true });
  }
}

function addPlayer(answer) {
  const place = answer.querySelector("[data-own-file]");
  if (!place || !own) return;
  const player = document.createElement("wave-player");
  Object.assign(player.dataset, place.dataset);
  delete player.dataset.ownFile;
  const audio = document.createElement("audio");
  audio.controls = true;
  audio.preload = "metadata";
  audio.src = URL.createObjectURL(own);
  player.blob = own;
  player.append(audio);
  place.replaceChildren(player);
}
