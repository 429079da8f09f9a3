(() => {
  "use strict";
  const body = document.body;
  const all = (query, where = document) => Array.from(where.querySelectorAll(query));
  body.classList.add("live");
  for (const part of all(".controls[hidden]")) part.hidden = false;

  // Without a script a page shows what stands in noscript; with one it is text until it is asked for.
  const build = (details) => {
    const rest = details.querySelector(":scope > noscript");
    if (!rest) return;
    const made = document.createElement("template");
    made.innerHTML = rest.textContent;
    for (const svg of all("svg.timeline", made.content)) {
      // One stop for Tab in each drawing; the arrow keys go on from there.
      stops(svg).forEach((stop, index) => stop.setAttribute("tabindex", index ? "-1" : "0"));
      const line = document.createElement("p");
      line.className = "hover";
      line.setAttribute("aria-hidden", "true");
      svg.closest(".wide").after(line);
    }
    for (const link of all("a[data-file]", made.content)) link.setAttribute("aria-expanded", "false");
    rest.replaceWith(made.content);
  };
  const stops = (svg) => all(".s", svg);
  document.addEventListener("toggle", (event) => {
    if (event.target.open) build(event.target);
  }, true);
  for (const details of all("details[open]")) build(details);

  // A link to something that is folded away opens it.
  const holder = (name) => {
    const [, kind, number] = /^(b|file-)(\d+)$/.exec(name) || [];
    const what = kind === "b" ? "article.backup" : "details.file";
    const found = kind && document.querySelector(`${what}[data-number="${number}"]`);
    return found && (found.querySelector("details") || found);
  };
  const go = () => {
    const name = decodeURIComponent(location.hash.slice(1));
    const details = holder(name);
    if (details) {
      build(details);
      details.open = true;
      if (details.parentElement.matches("article")) details.parentElement.hidden = false;
    }
    const target = document.getElementById(name);
    if (!target) return;
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
      const details = holder("file-" + link.dataset.file);
      build(details);
      const copy = details.querySelector(".text").cloneNode(true);
      copy.removeAttribute("id");
      link.parentElement.append(copy);
    }
    link.setAttribute("aria-expanded", String(!shown));
  });

  // On paper everything is open.
  let closed = [];
  addEventListener("beforeprint", () => {
    for (const details of all("article:not([hidden]) > details, details.file")) build(details);
    closed = all("details:not([open])").filter((details) => !details.closest("[hidden]"));
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });

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
