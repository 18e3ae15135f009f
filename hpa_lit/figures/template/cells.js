// The cells of fields: their outlines over pictures, in the colours of their answers, and a list of them.
const cellData = JSON.parse($("cell-data").textContent); // null where the page has none
const fieldOf = id => cellData?.fields[id];

function drawn(tag, attributes, ...children) {
  const element = document.createElementNS(document.querySelector("svg").namespaceURI, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// A picture of a field with its outlines over it; as it is where there are none.
function outlined(picture, id, numbered = false) {
  const field = fieldOf(id);
  if (!field?.grid) return picture;
  const [height, width] = field.grid, cells = field.cells.filter(cell => cell.length > 2);
  const paths = cells.map(([, answer, , , d]) => drawn("path", {d, stroke: cellData.answers[answer][1]}));
  const numbers = cells.map(([number, , x, y]) => drawn("text", {x, y}, number));
  const shown = numbered ? [...paths, ...numbers] : paths;
  const over = drawn("svg", {viewBox: `0 0 ${width} ${height}`, "aria-hidden": true}, ...shown);
  return make("span", {class: "outlined"}, picture, over);
}

// The same of a picture that is in its place.
function cover(picture, id, numbered) {
  const place = picture.parentElement;
  place.prepend(outlined(picture, id, numbered));
}

// The answers of a field's cells, each with the numbers of those that have it.
function cellList(id) {
  const field = fieldOf(id);
  if (!field) return [];
  if (!field.cells.length) return [make("p", {class: "absent"}, `No cell: ${field.remark}`)];
  const numbers = cellData.answers.map((_, at) => field.cells.filter(([, answer]) => answer === at).map(([it]) => it));
  const lines = cellData.answers.map(([words, color], at) => make("li", {},
    make("span", {class: "swatch", style: `--color: ${color}`}), ` ${words} `,
    make("small", {}, `${numbers[at].length === 1 ? "cell" : "cells"} ${numbers[at].join(", ")}`)));
  const shares = field.shares ? [make("p", {}, make("small", {}, `Of its whole cells: ${field.shares}`))] : [];
  return [make("ul", {class: "cells"}, ...lines.filter((_, at) => numbers[at].length)), ...shares];
}

const switches = [...document.querySelectorAll(".outline-switch")];
for (const one of switches) one.addEventListener("click", () => {
  const bare = document.body.classList.toggle("bare");
  for (const each of switches) each.setAttribute("aria-pressed", !bare);
});
for (const picture of document.querySelectorAll("img[data-outlined]")) cover(picture, picture.dataset.outlined, true);
