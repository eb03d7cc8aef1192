"use strict";
// Tables: a click on a heading sorts, a field above filters. Without this script they are plain tables.
const number = text => {
  const found = /[-+−]?\d[\d,]*\.?\d*/.exec(text);
  return found ? Number(found[0].replace(/,/g, "").replace("−", "-")) : NaN;
};
const compare = (a, b, figures) => {
  if (!figures) return a.localeCompare(b, undefined, { numeric: true });
  const [x, y] = [number(a), number(b)];
  return isNaN(x) || isNaN(y) ? isNaN(x) - isNaN(y) : x - y;
};
for (const table of document.querySelectorAll("table.data")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0], rows = [...body.rows];
  if (rows.length < 2) continue;
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const text = row => row.cells[column].textContent.trim(), figures = head.classList.contains("figure");
      const known = row => !figures || !isNaN(number(text(row)));
      rows.sort((a, b) => known(b) - known(a) || (down ? -1 : 1) * compare(text(a), text(b), figures));
      body.append(...rows);
    });
  });
  if (rows.length < 8) continue;
  const label = document.createElement("label"), field = document.createElement("input"), count = document.createElement("span");
  label.className = "filter";
  field.type = "search";
  field.setAttribute("aria-label", `Filter rows: ${table.caption.textContent}`);
  count.setAttribute("role", "status");
  label.append("Filter ", field, " ", count);
  table.parentElement.before(label);
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    count.textContent = wanted ? `${rows.filter(row => !row.hidden).length} of ${rows.length} rows` : "";
  });
}
// Charts: the value of a mark that is pointed at, touched or focused stands below; arrow keys go from mark to mark.
for (const chart of document.querySelectorAll(".chart")) {
  const marks = [...chart.querySelectorAll(".mark")], said = document.createElement("p");
  if (!marks.length) continue;
  said.className = "value";
  said.setAttribute("aria-hidden", "true"); // a screen reader reads the mark itself
  chart.append(said);
  const markOf = event => event.target.closest(".mark");
  const say = mark => said.textContent = mark ? mark.querySelector("title").textContent : "";
  const reach = mark => marks.forEach(other => other.setAttribute("tabindex", other === mark ? 0 : -1));
  reach(marks[0]);
  chart.addEventListener("focusin", event => { reach(markOf(event)); say(markOf(event)); });
  chart.addEventListener("focusout", () => say(null));
  chart.addEventListener("pointerover", event => say(markOf(event) ?? chart.querySelector(".mark:focus")));
  chart.addEventListener("pointerleave", () => say(chart.querySelector(".mark:focus")));
  chart.addEventListener("keydown", event => {
    const at = marks.indexOf(document.activeElement), last = marks.length - 1;
    const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: last }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    marks[Math.min(Math.max(to, 0), last)].focus();
  });
}
// Calendars: prices and orders of two plans side by side. Names only ever become text.
const plans = document.getElementById("plans");
if (plans) {
  const data = JSON.parse(plans.textContent), form = document.getElementById("choose"), choose = form.elements;
  const make = (name, text = "", attributes = {}) => {
    const made = document.createElement(name);
    made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const same = (one, other, i, t) => !one || !other || (one.price[i][t] === other.price[i][t] && one.order[i][t] === other.order[i][t]);
  const calendar = (model, window, other, items) => {
    const own = window.plans[model], table = make("table"), head = make("tr");
    table.append(make("caption", data.called[model] ?? model));
    head.append(make("th", "item", { scope: "col" }), ...window.periods.map(p => make("th", `${data.period} ${p}`, { scope: "col", class: "figure" })));
    table.createTHead().append(head);
    const body = table.createTBody();
    for (const i of own ? items : []) {
      const row = body.insertRow();
      row.append(make("th", data.items[i], { scope: "row" }));
      window.periods.forEach((_, t) => {
        const cell = make("td", `${own.promo[i][t] ? "▼ " : ""}${own.price[i][t].toFixed(2)}`);
        cell.append(make("span", own.order[i][t] ? own.order[i][t].toLocaleString("en") : "–"));
        if (!same(own, other, i, t)) cell.className = "other";
        row.append(cell);
      });
    }
    const place = make("div", "", { class: "scroll", role: "region", tabindex: "0", "aria-label": `Plan of ${data.called[model] ?? model}` });
    place.append(own ? table : make("p", `${data.called[model] ?? model}: no plan at this start`));
    return place;
  };
  const few = 25, more = document.getElementById("more");
  const show = most => {
    const window = data.windows[choose.start.value], [left, right] = [choose.left.value, choose.right.value];
    const [a, b] = [window.plans[left], window.plans[right]];
    const differs = i => window.periods.some((_, t) => !same(a, b, i, t));
    const wanted = choose.items.value.toLowerCase();
    const items = data.items.map((_, i) => i).filter(i => data.items[i].toLowerCase().includes(wanted) && (!choose.differing.checked || differs(i)));
    const moved = i => window.periods.reduce((sum, _, t) => sum + (a && b ? Math.abs(a.price[i][t] * a.order[i][t] - b.price[i][t] * b.order[i][t]) : 0), 0);
    const largest = [...items].sort((i, j) => moved(j) - moved(i)).slice(0, most), shown = items.filter(i => largest.includes(i));
    const which = shown.length < items.length ? ", those whose orders differ most in value" : "";
    document.getElementById("said").textContent = `${shown.length} of ${data.items.length} items shown${which}; ${data.items.filter((_, i) => differs(i)).length} differ.`;
    document.getElementById("calendars").replaceChildren(calendar(left, window, b, shown), calendar(right, window, a, shown));
    more.hidden = !which;
    more.textContent = `Show all ${items.length}`;
  };
  for (const side of ["left", "right"]) choose[side].append(...data.models.map(model => make("option", data.called[model] ?? model, { value: model })));
  choose.start.append(...data.windows.map((window, k) => make("option", `${data.period} ${window.start}`, { value: k })));
  [choose.left.value, choose.right.value] = data.shown;
  form.addEventListener("input", () => show(few));
  more.addEventListener("click", () => { show(Infinity); document.querySelector("#calendars .scroll").focus(); });
  form.addEventListener("submit", event => event.preventDefault());
  show(few);
}
