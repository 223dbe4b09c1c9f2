// Hands every block of the microphone's samples (mono float32, one render quantum) to the page, unchanged.
class Tap extends AudioWorkletProcessor {
  process([input]) {
    if (input.length) {
      const mono = new Float32Array(input[0].length);
      for (const channel of input) for (let at = 0; at < mono.length; at += 1) mono[at] += channel[at] / input.length;
      this.port.postMessage(mono, [mono.buffer]);
    }
    return true;
  }
}
registerProcessor("tap", Tap);
