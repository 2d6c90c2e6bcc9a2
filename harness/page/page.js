"use strict";
const dark = matchMedia("(prefers-color-scheme: dark)");
const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
if (window !== window.parent) document.documentElement.classList.add("in-frame");

// Plotly draws on a transparent ground, so ink and lines follow the page.
function colors(layout) {
  const ink = color("--ink"), line = color("--line"), page = color("--page");
  const changes = {"font.color": ink, "hoverlabel.bgcolor": page, "hoverlabel.font.color": ink};
  for (const name of Object.keys(layout)) {
    if (/^[xy]axis[0-9]*$/.test(name)) {
      for (const part of ["gridcolor", "linecolor", "zerolinecolor"]) changes[`${name}.${part}`] = line;
    }
  }
  return changes;
}

function draw(source) {
  const figure = JSON.parse(source.textContent);
  const place = document.getElementById(source.dataset.place);
  if (place.data) return;
  const options = {responsive: true, displaylogo: false, displayModeBar: false};
  const recolor = () => Plotly.relayout(place, colors(figure.layout));
  Plotly.newPlot(place, figure.data, figure.layout, options).then(recolor);
  dark.addEventListener("change", recolor);
  place.on("plotly_click", event => {
    const run = event.points[0].customdata;
    if (typeof run === "string" && /^(https?:\/\/|#)/.test(run)) window.open(run, "_blank", "noopener");
  });
}

// A folded picture has no width to be drawn in: it waits until its section is opened.
for (const source of document.querySelectorAll("script.figure")) {
  const fold = source.closest("details");
  if (fold && !fold.open) fold.addEventListener("toggle", () => draw(source), {once: true});
  else draw(source);
}

for (const button of document.querySelectorAll("button.toggle")) {
  button.addEventListener("click", () => {
    const place = button.closest("figure").querySelector(".plot");
    const show = button.getAttribute("aria-pressed") !== "true";
    const traces = place.data.flatMap((trace, index) => trace.legendgroup === button.dataset.group ? [index] : []);
    button.setAttribute("aria-pressed", String(show));
    Plotly.restyle(place, {visible: show}, traces);
  });
}

function numbers(figure) {
  return JSON.parse(figure.querySelector("script.numbers").textContent);
}

function quoted(value) {
  if (value === null) return "";
  if (typeof value !== "string") return String(value);
  const text = /^[=+@\t\r-]/.test(value) ? `'${value}` : value;  // a spreadsheet would run it
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csv(figure) {
  const {columns, data} = numbers(figure);
  return [columns, ...data].map(row => row.map(quoted).join(",")).join("\r\n") + "\r\n";
}

function download(address, name) {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}

async function save(figure, kind) {
  const place = figure.querySelector(".plot");
  const title = figure.querySelector("h3").textContent;
  const name = `${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").slice(0, 60)}.${kind}`;
  if (kind === "csv") {
    const address = URL.createObjectURL(new Blob([csv(figure)], {type: "text/csv"}));
    download(address, name);
    setTimeout(() => URL.revokeObjectURL(address), 1000);
    return;
  }
  const legend = {orientation: "h", y: -0.15, yanchor: "top"};
  const layout = {...place.layout, paper_bgcolor: color("--page"), showlegend: true, legend};
  const size = {width: place.clientWidth, height: place.clientHeight + 60};
  const address = await Plotly.toImage({data: place.data, layout}, {format: kind, scale: 2, ...size});
  download(address, name);
}

for (const button of document.querySelectorAll("button[data-save]")) {
  button.addEventListener("click", () => save(button.closest("figure"), button.dataset.save));
}

for (const fold of document.querySelectorAll("details.data")) {
  fold.addEventListener("toggle", () => {
    const figure = fold.closest("figure");
    const {columns, data} = numbers(figure);
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    for (const name of columns) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = name;
      head.append(cell);
    }
    const body = table.createTBody();
    for (const row of data) {
      const line = body.insertRow();
      for (const value of row) line.insertCell().textContent = value === null ? "–" : String(value);
    }
    const scroll = document.createElement("div");
    scroll.className = "scroll";
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", `Data of ${figure.querySelector("h3").textContent}`);
    scroll.append(table);
    fold.append(scroll);
  }, {once: true});
}

function order(row, column) {
  const cell = row.cells[column];
  return cell.dataset.order === undefined ? cell.textContent : Number(cell.dataset.order);
}

function compared(one, two) {
  if (typeof one === "number" && typeof two === "number") return one - two;
  if (typeof one !== typeof two) return typeof one === "number" ? -1 : 1;
  return one.localeCompare(two, undefined, {numeric: true});
}

for (const button of document.querySelectorAll("button.sort")) {
  button.addEventListener("click", () => {
    const head = button.closest("th"), body = button.closest("table").tBodies[0];
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const rows = [...body.rows];
    rows.sort((one, two) => (up ? 1 : -1) * compared(order(one, head.cellIndex), order(two, head.cellIndex)));
    body.append(...rows);
  });
}
