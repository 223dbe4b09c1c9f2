// Records the microphone as PCM into a 16-bit WAV file and puts it into the form's own file field.
// Echo cancellation, noise suppression and gain control are off: the checks want the room as it is.

import "./wave.js";
import { colourOf } from "./wave.js";

const QUIET_DB = -45;
const CLIPPED = 0.99;

for (const place of document.querySelectorAll("[data-recorder]")) new Recorder(place);
for (const shown of document.querySelectorAll("[data-countdown]")) countDown(shown);

function Recorder(place) {
  const part = (name) => place.querySelector(`[data-part="${name}"]`);
  const form = place.closest("form");
  const field = form.querySelector("input[type=file]");
  const source = form.querySelector("input[name=source]");
  const words = Object.fromEntries(
    [...part("words").content.querySelectorAll("[data-word]")].map((word) => [word.dataset.word, word.textContent]),
  );
  const longest_s = Number(place.dataset.longest || 60);
  const shortest_s = Number(place.dataset.shortest || 1);
  let context = null;
  let stream = null;
  let blocks = [];
  let levels = [];
  let taken = 0;
  let clipped = false;
  let sampleRate_hz = 48000;

  part("start").addEventListener("click", start);
  part("stop").addEventListener("click", stop);
  part("again").addEventListener("click", start);
  field.addEventListener("change", () => {
    if (!field.files.length) return;
    source.value = "upload";
    show("review");
    listen(field.files[0]);
  });

  // What has to be declared before anything is recorded (data-before-recording) keeps the button locked.
  const declarations = [...form.querySelectorAll("[data-before-recording] input[type=checkbox]")];
  for (const box of declarations) box.addEventListener("change", lock);
  lock();

  show("idle");

  function lock() {
    const open = declarations.every((box) => box.checked);
    part("start").disabled = !open;
    part("locked").hidden = open;
  }

  function show(state) {
    place.dataset.state = state;
    for (const element of place.querySelectorAll("[data-when]")) {
      element.hidden = !element.dataset.when.split(" ").includes(state);
    }
  }

  function say(message) {
    part("message").textContent = message;
  }

  async function start() {
    say("");
    if (!navigator.mediaDevices?.getUserMedia || !window.AudioWorkletNode) {
      say(words.insecure);
      return;
    }
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 },
      });
      context = new AudioContext();
      await context.audioWorklet.addModule(place.dataset.worklet);
      await context.resume();
    } catch (error) {
      release();
      say(error.name === "NotAllowedError" ? words.refused : words.unavailable);
      return;
    }
    blocks = [];
    levels = [];
    taken = 0;
    clipped = false;
    sampleRate_hz = context.sampleRate;
    const tap = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0 });
    tap.port.onmessage = ({ data }) => take(data);
    context.createMediaStreamSource(stream).connect(tap);
    show("recording");
    part("stop").focus();
    requestAnimationFrame(draw);
  }

  function take(block) {
    if (place.dataset.state !== "recording") return;
    blocks.push(block);
    taken += block.length;
    let peak = 0;
    for (const sample of block) peak = Math.max(peak, Math.abs(sample));
    if (peak >= CLIPPED) clipped = true;
    levels.push(peak);
    if (seconds() >= longest_s) stop();
  }

  function seconds() {
    return taken / sampleRate_hz;
  }

  function draw() {
    if (place.dataset.state !== "recording") return;
    const canvas = part("meter");
    const scale = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== width * scale) {
      canvas.width = width * scale;
      canvas.height = height * scale;
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const per_bar = Math.max(1, Math.round((0.03 * sampleRate_hz) / (blocks[0]?.length || 128)));
    const bars = [];
    for (let at = 0; at < levels.length; at += per_bar) bars.push(Math.max(...levels.slice(at, at + per_bar)));
    const shown = bars.slice(-Math.floor(width / 4));
    const [calm, loud] = [colourOf(place, "--jade"), colourOf(place, "--seal")];
    shown.forEach((peak, at) => {
      // Loudness in decibels, -60 dB at the bottom: that is how ears and the checks see it.
      const share = Math.max(0.02, 1 + (20 * Math.log10(peak + 1e-6)) / 60);
      const bar = Math.min(1, share) * (height - 8);
      pen.fillStyle = peak >= CLIPPED ? loud : calm;
      pen.fillRect(at * 4, (height - bar) / 2, 2.5, bar);
    });
    part("time").textContent = `${seconds().toFixed(1)} s`;
    const recent = Math.max(0, ...levels.slice(-Math.ceil(sampleRate_hz / 128)));
    if (clipped) say(words.clipped);
    else if (seconds() > 1.5 && 20 * Math.log10(recent + 1e-6) < QUIET_DB) say(words.quiet);
    else say("");
    requestAnimationFrame(draw);
  }

  function stop() {
    if (place.dataset.state !== "recording") return;
    const length_s = seconds();
    show("review");
    release();
    if (length_s < shortest_s) {
      say(words.short);
      show("idle");
      return;
    }
    const file = new File([wavOf(blocks, sampleRate_hz)], "recording.wav", { type: "audio/wav" });
    const carrier = new DataTransfer();
    carrier.items.add(file);
    field.files = carrier.files;
    source.value = "microphone";
    say(clipped ? words.clipped : "");
    listen(file);
  }

  function release() {
    for (const track of stream?.getTracks() ?? []) track.stop();
    context?.close();
    stream = null;
    context = null;
  }

  function listen(file) {
    const player = document.createElement("wave-player");
    const audio = document.createElement("audio");
    audio.controls = true;
    audio.src = URL.createObjectURL(file);
    Object.assign(player.dataset, { play: words.play, pause: words.pause, position: words.position });
    player.blob = file;
    player.append(audio);
    part("player").replaceChildren(player);
    part("send").focus();
  }
}

/** 16-bit mono RIFF WAVE of float32 blocks; samples beyond full scale are clipped, as any recorder would. */
function wavOf(blocks, sampleRate_hz) {
  const length = blocks.reduce((sum, block) => sum + block.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * length));
  const text = (at, letters) => [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRate_hz, true);
  view.setUint32(28, 2 * sampleRate_hz, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * length, true);
  let at = 44;
  for (const block of blocks) {
    for (const sample of block) {
      view.setInt16(at, Math.round(Math.max(-1, Math.min(1, sample)) * 32767), true);
      at += 2;
    }
  }
  return new Blob([view], { type: "audio/wav" });
}

/** Time left until data-countdown (ISO 8601); at zero the page is asked again, which shows what follows. */
function countDown(shown) {
  const end = new Date(shown.dataset.countdown).valueOf();
  const tick = () => {
    const left_s = Math.max(0, Math.round((end - Date.now()) / 1000));
    shown.textContent = `${Math.floor(left_s / 60)}:${String(left_s % 60).padStart(2, "0")}`;
    shown.toggleAttribute("data-soon", left_s < 60);
    if (left_s > 0) setTimeout(tick, 1000);
    else document.querySelector("[data-expired]")?.removeAttribute("hidden");
  };
  tick();
}
