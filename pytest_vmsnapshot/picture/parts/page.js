(() => {
  "use strict";
  const body = document.body;
  const all = (query, where = document) => Array.from(where.querySelectorAll(query));
  body.classList.add("live");
  for (const part of all(".controls[hidden]")) part.hidden = false;

  // A link to something that is folded away opens it.
  const reveal = (target) => {
    for (let at = target; at; at = at.parentElement) {
      if (at instanceof HTMLDetailsElement) at.open = true;
    }
  };
  const go = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    const article = target.closest("article");
    if (article) article.hidden = false;
    reveal(target);
    target.focus({ preventScroll: true });
    target.scrollIntoView();
  };
  addEventListener("hashchange", go);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && !link.dataset.file && link.hash === location.hash) go();
  });

  // A script is shown where it was asked for; its text is on the page once.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-file]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const shown = link.parentElement.querySelector(".text");
    if (shown) {
      shown.remove();
    } else {
      const copy = document.getElementById("file-" + link.dataset.file).cloneNode(true);
      copy.removeAttribute("id");
      link.parentElement.append(copy);
    }
    link.setAttribute("aria-expanded", String(!shown));
  });
  for (const link of all("a[data-file]")) link.setAttribute("aria-expanded", "false");

  // One stop for Tab in each drawing; the arrow keys go on from there.
  const timelines = all("svg.timeline");
  const stops = (svg) => all(".s", svg);
  for (const svg of timelines) {
    stops(svg).forEach((stop, index) => stop.setAttribute("tabindex", index ? "-1" : "0"));
  }
  const tell = (stop) => {
    const line = stop.closest(".wide").parentElement.querySelector(".hover");
    if (line) line.textContent = stop.querySelector("title").textContent;
  };
  for (const kind of ["focusin", "mouseover"]) {
    document.addEventListener(kind, (event) => {
      const stop = event.target instanceof Element && event.target.closest(".timeline .s");
      if (stop) tell(stop);
    });
  }
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  document.addEventListener("keydown", (event) => {
    const stop = event.target instanceof Element && event.target.closest(".timeline .s");
    if (!stop || event.ctrlKey || event.altKey || event.metaKey) return;
    const known = stops(stop.ownerSVGElement);
    const ends = { Home: 0, End: known.length - 1 };
    let next = ends[event.key];
    if (event.key in steps) next = known.indexOf(stop) + steps[event.key];
    if (next === undefined || !known[next]) return;
    event.preventDefault();
    stop.setAttribute("tabindex", "-1");
    known[next].setAttribute("tabindex", "0");
    known[next].focus();
  });

  const table = document.querySelector("table.all");
  if (!table) return;
  const form = document.querySelector("form.controls");
  const list = table.tBodies[0];
  const rows = Array.from(list.rows);
  const articles = new Map(all("article.backup").map((one) => [one.dataset.number, one]));
  const texts = new Map();
  const textOf = (row) => {
    if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
    return texts.get(row);
  };

  // The filter.
  const filter = () => {
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const names = ["outcome", "worth", "rules"].filter((name) => form.elements[name].value);
    let count = 0;
    for (const row of rows) {
      const fits = names.every((name) => row.dataset[name] === form.elements[name].value)
        && words.every((word) => textOf(row).includes(word));
      if (row.hidden === fits) {
        row.hidden = !fits;
        articles.get(row.dataset.number).hidden = !fits;
      }
      count += fits;
    }
    const isAll = count === rows.length;
    form.querySelector("output").textContent = isAll ? "" : `${count} of ${rows.length} shown`;
  };
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());

  // Sorting: up, down, and as it was.
  const heads = Array.from(table.tHead.rows[0].cells);
  const next = { none: "ascending", ascending: "descending", descending: "none" };
  const key = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.sort === undefined ? cell.textContent.trim() : Number(cell.dataset.sort);
  };
  const order = new Intl.Collator(undefined, { numeric: true });
  table.tHead.addEventListener("click", (event) => {
    const head = event.target.closest("th");
    if (!head) return;
    const column = heads.indexOf(head);
    const way = next[head.getAttribute("aria-sort")];
    for (const other of heads) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", way);
    const sorted = rows.slice();
    if (way !== "none") {
      const keys = new Map(rows.map((row) => [row, key(row, column)]));
      const sign = way === "ascending" ? 1 : -1;
      sorted.sort((one, two) => {
        const a = keys.get(one), b = keys.get(two);
        return sign * (typeof a === "number" ? a - b : order.compare(a, b));
      });
    }
    list.append(...sorted);
  });

  for (const button of all("[data-open]")) {
    button.addEventListener("click", () => {
      for (const article of articles.values()) {
        if (!article.hidden) article.querySelector("details").open = button.dataset.open !== "";
      }
    });
  }

  if (location.hash) go();
})();
