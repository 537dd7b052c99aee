// The coiled cord: a helix around a curve from the handset's end to the phone's side; it follows the handset.
const TURNS = 32, POINTS = 14, RADIUS = 10, END = [27, 452];

export class Cord {
  constructor(phone) {
    this.phone = phone;
    this.tail = phone.querySelector(".tail");
    this.paths = phone.querySelectorAll(".cord path");
    new ResizeObserver(() => this.draw()).observe(phone);
  }

  follow(ms = 600) {
    const until = performance.now() + ms;
    const frame = () => {
      this.draw();
      if (performance.now() < until) requestAnimationFrame(frame);
    };
    frame();
  }

  draw() {
    const box = this.phone.getBoundingClientRect(), tail = this.tail.getBoundingClientRect(), unit = box.width / 500;
    const a = [(tail.x - box.x) / unit, (tail.y - box.y) / unit], d = END;
    const b = [a[0] - 34, a[1] + 130], c = [d[0] - 96, d[1] + 62];
    let text = "";
    for (let i = 0, n = TURNS * POINTS; i <= n; i++) {
      const t = i / n, s = 1 - t, turn = 2 * Math.PI * TURNS * t;
      const at = (k) => s * s * s * a[k] + 3 * s * s * t * b[k] + 3 * s * t * t * c[k] + t * t * t * d[k];
      const slope = (k) => 3 * s * s * (b[k] - a[k]) + 6 * s * t * (c[k] - b[k]) + 3 * t * t * (d[k] - c[k]);
      const dx = slope(0), dy = slope(1), length = Math.hypot(dx, dy) || 1, r = RADIUS * Math.min(1, t * 14, s * 14);
      const across = r * Math.cos(turn), along = 0.55 * r * Math.sin(turn);
      const x = at(0) + (along * dx - across * dy) / length, y = at(1) + (along * dy + across * dx) / length;
      text += `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    }
    for (const path of this.paths) path.setAttribute("d", text);
  }
}
