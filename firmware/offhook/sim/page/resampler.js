// Resampling by a windowed sinc, evaluated between the samples: the rates need no common measure, and the step may
// change while it runs. 24 zero crossings a side and a Kaiser window: flat to 3.4 kHz, 60 dB down from 4 kHz at 8 kHz.
const ZEROS = 24, PHASES = 128, BETA = 5.65, EDGE = 0.925, SIZE = 1 << 15;

function bessel(x) {
  let sum = 1, term = 1;
  for (let k = 1; term > 1e-9 * sum; k++) { term *= (x / (2 * k)) ** 2; sum += term; }
  return sum;
}

export class Resampler {
  // `step`: samples that go in for one that comes out. May be changed by parts of a percent at any time.
  constructor(step) {
    this.step = step;
    const band = EDGE * Math.min(1, 1 / step);
    this.half = Math.ceil(ZEROS * Math.max(1, step));
    this.rows = Array.from({ length: PHASES + 1 }, (_, phase) => this.row(phase / PHASES, band));
    this.ring = new Float32Array(SIZE);
    this.clear();
  }

  row(fraction, band) {
    const row = new Float32Array(2 * this.half);
    let sum = 0;
    for (let k = 0; k < row.length; k++) {
      const x = fraction + this.half - 1 - k, edge = Math.min(1, Math.abs(x / this.half));
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * band * x) / (Math.PI * band * x);
      row[k] = sinc * bessel(BETA * Math.sqrt(1 - edge * edge));
      sum += row[k];
    }
    return row.map((weight) => weight / sum);
  }

  clear() {
    this.ring.fill(0);
    this.written = this.half;
    this.at = this.half;
  }

  // Samples that are in and not yet out.
  get waiting() { return this.written - this.at; }

  push(samples) {
    for (let i = 0; i < samples.length; i++) this.ring[this.written++ & (SIZE - 1)] = samples[i];
    if (this.waiting > SIZE / 2) this.skip(this.waiting - SIZE / 2);
  }

  skip(count) { this.at += count; }

  // The next sample, or null while there is too little.
  next() {
    const whole = Math.floor(this.at);
    if (whole + this.half >= this.written) return null;
    const phase = (this.at - whole) * PHASES, index = Math.floor(phase), part = phase - index;
    const a = this.rows[index], b = this.rows[index + 1];
    let sum = 0;
    for (let k = 0, n = whole - this.half + 1; k < a.length; k++, n++) sum += (a[k] + part * (b[k] - a[k])) * this.ring[n & (SIZE - 1)];
    this.at += this.step;
    return sum;
  }
}
