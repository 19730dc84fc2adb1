// Pan, zoom, tips and highlights. All text goes in as text (textContent), never as markup.
"use strict";
const svg = document.querySelector("svg");
const tip = document.getElementById("tip");
const whole = svg.viewBox.baseVal;
const home = [whole.x, whole.y, whole.width, whole.height];

// The browser's own tips are for pages without scripts; here they would stand beside ours.
const tips = new Map();
for (const title of svg.querySelectorAll("g title")) {
  tips.set(title.parentNode, title.textContent);
  title.remove();
}

function show(view) {
  svg.setAttribute("viewBox", view.join(" "));
}

function view() {
  const box = svg.viewBox.baseVal;
  return [box.x, box.y, box.width, box.height];
}

function zoom(factor, clientX, clientY) {
  const point = new DOMPoint(clientX, clientY).matrixTransform(svg.getScreenCTM().inverse());
  const [x, y, width, height] = view();
  const wanted = Math.min(Math.max(width * factor, home[2] / 40), home[2] * 2);
  const share = wanted / width;
  show([point.x - (point.x - x) * share, point.y - (point.y - y) * share, wanted, height * share]);
}

function zoomMiddle(factor) {
  const box = svg.getBoundingClientRect();
  zoom(factor, box.left + box.width / 2, box.top + box.height / 2);
}

svg.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(event.deltaY > 0 ? 1.15 : 1 / 1.15, event.clientX, event.clientY);
}, { passive: false });

let drag = null;
svg.addEventListener("pointerdown", (event) => {
  drag = { x: event.clientX, y: event.clientY, view: view() };
  svg.setPointerCapture(event.pointerId);
});
svg.addEventListener("pointerup", () => { drag = null; });
svg.addEventListener("pointercancel", () => { drag = null; });
svg.addEventListener("dblclick", () => show(home));

svg.addEventListener("pointermove", (event) => {
  if (drag) {
    const scale = svg.getScreenCTM().a;
    const [x, y, width, height] = drag.view;
    show([x - (event.clientX - drag.x) / scale, y - (event.clientY - drag.y) / scale, width, height]);
    tip.hidden = true;
    return;
  }
  point(event.target, event.clientX, event.clientY);
});
svg.addEventListener("pointerleave", () => point(null, 0, 0));

let pointed = null;
function point(target, x, y) {
  const text = target && tips.get(target);
  tip.hidden = !text;
  if (text) {
    tip.textContent = text;
    tip.style.left = Math.min(x + 14, window.innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = Math.min(y + 14, window.innerHeight - tip.offsetHeight - 8) + "px";
  }
  if (target === pointed) return;
  pointed = target;
  for (const line of svg.querySelectorAll(".on")) line.classList.remove("on");
  svg.classList.toggle("focus", light(target));
}

// A line lights up under the pointer; a card or a node lights up all lines that end there.
function light(target) {
  if (!target || !target.dataset) return false;
  if (target.classList.contains("line")) {
    target.classList.add("on");
    return true;
  }
  if (target.dataset.n === undefined) return false;
  const kind = target.classList.contains("card") ? "card" : "node";
  let found = false;
  for (const line of svg.querySelectorAll(`.line[data-of=${kind}]`)) {
    if (line.dataset.a === target.dataset.n || line.dataset.b === target.dataset.n) {
      line.classList.add("on");
      found = true;
    }
  }
  return found;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "+" || event.key === "=") zoomMiddle(1 / 1.25);
  else if (event.key === "-") zoomMiddle(1.25);
  else if (event.key === "0") show(home);
});
document.getElementById("in").addEventListener("click", () => zoomMiddle(1 / 1.25));
document.getElementById("out").addEventListener("click", () => zoomMiddle(1.25));
document.getElementById("all").addEventListener("click", () => show(home));
