// <wave-player data-intervals='[{"start_s":0,"end_s":2,"kind":"ok","label":"..."}]'><audio controls src="..."></wave-player>
// draws a recording on a canvas and plays it; the plain <audio> inside works without scripts. Without one, the wave is
// drawn from data-peaks (0..1) and data-duration (seconds) alone, for a file that is not kept.
// Keys: space or enter on the button plays; left and right arrows on the wave move by one second.

const BARS_PER_PIXEL = 1 / 4;

/** Peak of every column, 0..1, over all channels; `columns` numbers. */
export function peaksOf(channels, columns) {
  const peaks = new Float32Array(columns);
  const length = channels[0].length;
  for (let column = 0; column < columns; column += 1) {
    const from = Math.floor((column * length) / columns);
    const to = Math.max(from + 1, Math.floor(((column + 1) * length) / columns));
    const step = Math.max(1, Math.floor((to - from) / 400));
    let peak = 0;
    for (const samples of channels) {
      for (let at = from; at < to; at += step) peak = Math.max(peak, Math.abs(samples[at]));
    }
    peaks[column] = peak;
  }
  return peaks;
}

const clock = (seconds) => {
  const whole = Math.max(0, seconds || 0);
  return `${Math.floor(whole / 60)}:${(whole % 60).toFixed(1).padStart(4, "0")}`;
};

class WavePlayer extends HTMLElement {
  connectedCallback() {
    if (this.canvas) return;
    this.audio = this.querySelector("audio");
    const words = this.dataset;
    this.intervals = JSON.parse(words.intervals || "[]");
    this.given = words.peaks ? Float32Array.from(JSON.parse(words.peaks)) : null;
    const row = document.createElement("div");
    row.className = "wave";
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "button round";
    this.canvas = document.createElement("canvas");
    this.time = document.createElement("span");
    this.time.className = "time";
    this.sizes = new ResizeObserver(() => this.draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    if (!this.audio) {
      row.classList.add("still");
      this.canvas.setAttribute("role", "img");
      this.canvas.setAttribute("aria-label", this.intervals.map((one) => `${one.start_s}–${one.end_s} s: ${one.label}`).join("; "));
      row.append(this.canvas);
      this.prepend(row);
      this.sizes.observe(this.canvas);
      return;
    }
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "slider");
    this.canvas.setAttribute("aria-label", words.position || "Position");
    this.canvas.setAttribute("aria-valuemin", "0");
    row.append(this.button, this.canvas, this.time);
    this.prepend(row);
    this.drawButton();

    this.button.addEventListener("click", async () => {
      if (!this.audio.paused) return this.audio.pause();
      await this.load();
      return this.audio.play();
    });
    this.audio.addEventListener("play", () => { this.stopOthers(); this.drawButton(); this.loop(); });
    for (const name of ["pause", "ended"]) this.audio.addEventListener(name, () => { this.drawButton(); this.draw(); });
    for (const name of ["loadedmetadata", "seeked", "timeupdate"]) this.audio.addEventListener(name, () => this.draw());
    this.canvas.addEventListener("pointerdown", (event) => {
      const box = this.canvas.getBoundingClientRect();
      if (this.duration) this.audio.currentTime = ((event.clientX - box.left) / box.width) * this.duration;
    });
    this.canvas.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, PageUp: 5, PageDown: -5 }[event.key];
      if (step) this.audio.currentTime = Math.min(this.duration, Math.max(0, this.audio.currentTime + step));
      else if (event.key === "Home") this.audio.currentTime = 0;
      else if (event.key === " " || event.key === "Enter") this.button.click();
      else return;
      event.preventDefault();
    });
    this.sizes.observe(this.canvas);
    // A recording whose hearing is written into a log is fetched when somebody wants to hear it, and once.
    if (this.dataset.lazy === undefined) this.load();
    else this.dataset.ready = "yes";
  }

  disconnectedCallback() {
    this.sizes?.disconnect();
    this.audio?.pause();
  }

  get duration() {
    const known = this.audio && Number.isFinite(this.audio.duration) ? this.audio.duration : 0;
    return this.decoded?.duration || known || Number(this.dataset.duration || 0);
  }

  /** Fetch the recording once, for drawing and for hearing; where the browser cannot decode it, <audio> stays. */
  load() {
    this.loading ??= this.fetchAndDecode();
    return this.loading;
  }

  async fetchAndDecode() {
    try {
      if (!this.blob) {
        const answer = await fetch(this.audio.getAttribute("src"), { credentials: "same-origin" });
        if (!answer.ok) throw new Error(answer.statusText);
        this.blob = await answer.blob();
        this.audio.src = URL.createObjectURL(this.blob);
      }
      this.decoded = await new OfflineAudioContext(1, 1, 44100).decodeAudioData(await this.blob.arrayBuffer());
      this.peaks = null;
      this.dataset.ready = "yes";
      this.draw();
    } catch {
      delete this.dataset.ready;
      this.querySelector(".wave").hidden = true;
    }
  }

  /** The word that is being heard, where the text beside the player carries times (data-from, data-to in seconds). */
  followWords() {
    const at = this.audio.currentTime;
    const playing = at > 0 && !this.audio.ended;
    for (const word of this.closest("[data-job]")?.querySelectorAll("[data-from]") ?? []) {
      word.classList.toggle("now", playing && at >= Number(word.dataset.from) && at < Number(word.dataset.to));
    }
  }

  stopOthers() {
    for (const other of document.querySelectorAll("wave-player")) {
      if (other !== this && other.audio && !other.audio.paused) other.audio.pause();
    }
  }

  drawButton() {
    const playing = !this.audio.paused && !this.audio.ended;
    const sprite = document.querySelector("link[rel=icon]").href.replace(/mark[^/]*\.svg$/, "icons.svg");
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `${sprite}#${playing ? "pause" : "play"}`);
    svg.append(use);
    this.button.replaceChildren(svg);
    this.button.setAttribute("aria-label", (playing ? this.dataset.pause : this.dataset.play) || "Play");
  }

  loop() {
    this.draw();
    if (!this.audio.paused) requestAnimationFrame(() => this.loop());
  }

  /** One peak a column, from the decoded recording or from the peaks that the page brought. */
  peaksFor(columns) {
    if (this.peaks?.length === columns) return this.peaks;
    if (this.decoded) {
      const channels = Array.from({ length: this.decoded.numberOfChannels }, (_, at) => this.decoded.getChannelData(at));
      this.peaks = peaksOf(channels, columns);
    } else if (this.given?.length) {
      this.peaks = peaksOf([this.given], columns);
    } else {
      return null;
    }
    return this.peaks;
  }

  draw() {
    const scale = devicePixelRatio || 1;
    const width = this.canvas.clientWidth;
    const height = this.canvas.clientHeight;
    if (!width) return;
    if (this.canvas.width !== width * scale || this.canvas.height !== height * scale) {
      this.canvas.width = width * scale;
      this.canvas.height = height * scale;
      this.peaks = null;
    }
    const pen = this.canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const probe = (name) => colourOf(this, name);
    const duration = this.duration;
    // Where the channels of a file differ, each interval lies in the lane of its channel.
    for (const { start_s, end_s, kind, lane = 0, lanes = 1 } of duration ? this.intervals : []) {
      const colour = probe({ ok: "--jade", bad: "--seal", warn: "--amber", dim: "--ink-2", plain: "--line-2" }[kind] || "--sky");
      const tall = height / lanes;
      const top = lane * tall;
      const x = (start_s / duration) * width;
      const span = Math.max(2, ((end_s - start_s) / duration) * width);
      pen.globalAlpha = 0.18;
      pen.fillStyle = colour;
      pen.fillRect(x, top, span, tall);
      pen.globalAlpha = 1;
      pen.fillRect(x, top + tall - 3, span, 3);
    }
    const columns = Math.max(8, Math.floor(width * BARS_PER_PIXEL));
    const peaks = this.peaksFor(columns);
    if (peaks) {
      const loudest = peaks.reduce((most, peak) => Math.max(most, peak), 1e-6);
      const played = this.audio && duration ? this.audio.currentTime / duration : 0;
      const ahead = probe(this.audio ? "--line-2" : "--ink-3");
      const said = probe("--jade");
      const pitch = width / columns;
      for (let column = 0; column < columns; column += 1) {
        const bar = Math.max(1.5, (peaks[column] / loudest) * (height - 10));
        pen.fillStyle = (column + 0.5) / columns <= played ? said : ahead;
        pen.beginPath();
        pen.roundRect(column * pitch + pitch * 0.15, (height - bar) / 2, pitch * 0.6, bar, 1);
        pen.fill();
      }
    }
    if (!this.audio) return;
    this.followWords();
    this.time.textContent = `${clock(this.audio.currentTime)} / ${clock(duration)}`;
    this.canvas.setAttribute("aria-valuemax", duration.toFixed(1));
    this.canvas.setAttribute("aria-valuenow", this.audio.currentTime.toFixed(1));
    this.canvas.setAttribute("aria-valuetext", this.time.textContent);
  }
}

/** The computed colour of a custom property, resolved for light or dark (a canvas does not know light-dark()). */
export function colourOf(element, name) {
  const before = element.style.color;
  element.style.color = `var(${name})`;
  const colour = getComputedStyle(element).color;
  element.style.color = before;
  return colour;
}

// A page may load this file under two names: as itself, and through a module that imports it.
if (!customElements.get("wave-player")) customElements.define("wave-player", WavePlayer);
