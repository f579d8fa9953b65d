"use strict";
// The page is readable without this: it adds zoom, search and filters.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  const time = (ms) => {
    if (ms < 1000) return `${Math.round(ms)}ms`;
    if (ms < 60000) return `${(Math.floor(ms / 100) / 10).toFixed(1)}s`;
    const [large, small] = ms < 3600000 ? ["m", "s"] : ["h", "m"];
    const unit = ms < 3600000 ? 1000 : 60000;
    return `${Math.floor(ms / unit / 60)}${large}${String(Math.floor(ms / unit) % 60).padStart(2, "0")}${small}`;
  };

  const range = (fall) => [Number(fall.style.getPropertyValue("--from")), Number(fall.style.getPropertyValue("--to"))];

  const zoom = (fall, from, to) => {
    const whole = Number(fall.dataset.whole);
    const length = Math.min(Math.max(to - from, Math.min(10, whole)), whole);
    from = Math.min(Math.max(from, 0), whole - length);
    fall.style.setProperty("--from", from);
    fall.style.setProperty("--to", from + length);
    fall.classList.toggle("zoomed", length < whole);
    const ticks = all(".ticks > span:not(.zoom)", fall);
    ticks.forEach((tick, index) => {
      tick.textContent = time(from + (length * index) / (ticks.length - 1));
    });
  };

  const scale = (fall, factor) => {
    const [from, to] = range(fall);
    const middle = (from + to) / 2;
    const half = ((to - from) / 2) * factor;
    zoom(fall, middle - half, middle + half);
  };

  const button = (text, title, action) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.title = title;
    made.setAttribute("aria-label", title);
    made.addEventListener("click", action);
    return made;
  };

  for (const fall of all(".fall")) {
    fall.querySelector(".zoom")?.append(
      button("−", "Zoom out", () => scale(fall, 2)),
      button("+", "Zoom in", () => scale(fall, 0.5)),
      button("whole", "Show the whole time", () => zoom(fall, 0, Number(fall.dataset.whole))),
    );
  }

  // Dragging over the bars selects a time.
  let drag = null;
  const place = (x) => Math.min(Math.max((x - drag.box.left) / drag.box.width, 0), 1);
  document.addEventListener("pointerdown", (event) => {
    const track = event.target.closest(".fall .track");
    if (!track || event.button !== 0 || event.pointerType === "touch") return;
    drag = { fall: track.closest(".fall"), box: track.getBoundingClientRect(), x: event.clientX, moved: false };
  });
  document.addEventListener("pointermove", (event) => {
    if (!drag || (!drag.moved && Math.abs(event.clientX - drag.x) < 5)) return;
    drag.moved = true;
    const ends = [place(drag.x), place(event.clientX)].sort((one, other) => one - other);
    drag.fall.classList.add("selecting");
    drag.fall.style.setProperty("--a", `${ends[0] * 100}%`);
    drag.fall.style.setProperty("--b", `${ends[1] * 100}%`);
  });
  document.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { fall, moved, x } = drag;
    if (moved) {
      const [from, to] = range(fall);
      const at = (position) => from + place(position) * (to - from);
      const ends = [at(x), at(event.clientX)].sort((one, other) => one - other);
      zoom(fall, ends[0], ends[1]);
      fall.classList.remove("selecting");
      // The click that ends a drag opens nothing.
      const stop = (click) => {
        click.preventDefault();
        click.stopPropagation();
      };
      document.addEventListener("click", stop, { capture: true, once: true });
      setTimeout(() => document.removeEventListener("click", stop, { capture: true }), 0);
    }
    drag = null;
  });
  document.addEventListener("dragstart", (event) => {
    if (drag) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    const here = event.target.closest(".here");
    if (!here) return;
    const bar = here.closest(".row").querySelector(".track i");
    const [start, end] = ["--start", "--end"].map((name) => Number(bar.style.getPropertyValue(name)));
    const margin = Math.max((end - start) * 0.05, 5);
    zoom(here.closest(".fall"), start - margin, end + margin);
  });

  const failed = document.getElementById("failed");
  failed.addEventListener("change", () => root.classList.toggle("only-failed", failed.checked));

  const search = document.getElementById("search");
  const count = document.getElementById("count");
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    let found = 0;
    for (const row of all("details.row")) {
      const is = !wanted || row.textContent.toLowerCase().includes(wanted);
      row.classList.toggle("other", !is);
      found += is ? 1 : 0;
    }
    count.textContent = wanted ? `${found} found` : "";
  });

  document.getElementById("open").addEventListener("click", () => {
    for (const row of all("details.row")) row.open = true;
  });
  document.getElementById("close").addEventListener("click", () => {
    for (const row of all("details.row")) row.open = false;
  });

  const show = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target?.matches("details")) target.open = true;
  };
  addEventListener("hashchange", show);
  show();
})();
