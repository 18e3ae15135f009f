// The table of all images. A mark is a kind and a label: what is to be said of that label in that image.
const {labels, thresholds, judged, images} = JSON.parse($("data").textContent);
const WORDS = {hit: "hit", miss: "missed", false: "false alarm", error: "likely label error", given: "given",
  right: "right in every label", wrong: "wrong", differ: "cells differ"};
const PARTS = {"": ["hit", "miss", "false", "given"], right: ["hit"], wrong: ["miss", "false"]}; // else the kind itself
const STEP = 25; // rows that are shown at a time
const byId = new Map(images.map(image => [image.id, image]));
for (const image of images) {
  const of = label => !image.true.includes(label) ? "false" : image.given.includes(label) ? "hit" : "miss";
  const touched = new Set([...image.given, ...(image.true ?? [])]);
  image.marks = [...touched].sort((one, other) => one - other).map(label => [judged ? of(label) : "given", label]);
  image.mistakes = image.marks.filter(([kind]) => PARTS.wrong.includes(kind)).length;
}

const table = $("image-table"), filters = $("filters"), more = $("more");
let wanted = []; // marks that an image must have; without a label one of any, with "none" for a label none of the kind
let found = [], shown = STEP, column = null, falling = false;

function has(image, kind, label) {
  if (kind === "right" && image.mistakes) return false;
  if (kind === "differ") return fieldOf(image.id)?.differ;
  if (label === "" && (kind === "" || kind === "right")) return true;
  const marks = kind === "error" ? image.errors.map(error => ["error", error]) : image.marks;
  const alike = marks.filter(([of]) => (PARTS[kind] ?? [kind]).includes(of));
  return label === "none" ? !alike.length : alike.some(([, at]) => label === "" || at === Number(label));
}

// Of the label that is chosen, else of the label that is nearest.
function distance(image, label) {
  const all = image.probs.map((prob, at) => Math.abs(prob / 1000 - thresholds[at]));
  return label === "" ? Math.min(...all) : all[label];
}

const COLUMNS = {
  id: image => image.id,
  answer: image => image.given.map(label => labels[label]).join(),
  mistakes: image => image.mistakes,
  probability: (image, label) => (label === "" ? Math.max(...image.probs) : image.probs[label]) / 1000,
  distance,
  entropy: image => fieldOf(image.id).entropy ?? -1, // the last where there is none
};

function chips(image) {
  if (!image.marks.length) return ["no label"];
  return image.marks.map(([kind, label]) =>
    make("span", {class: `chip ${kind}`}, make("span", {class: "spoken"}, `${WORDS[kind]}: `), labels[label]));
}

function jpeg(image, plane) {
  return `data:image/jpeg;base64,${image.planes[plane === "yellow" ? 1 : 0]}`;
}

function row(image, label) {
  const link = make("a", {href: `#image=${encodeURIComponent(image.id)}`}, make("code", {}, image.id));
  if (image.planes) {
    const words = image.given.map(at => labels[at]).join(", ") || "no label";
    link.prepend(make("img", {src: jpeg(image), alt: `cells given ${words}`, width: 72, height: 72}));
  }
  const cells = [...table.tHead.rows[0].cells].slice(1).map(({dataset}) => {
    if (dataset.column === "answer") return make("td", {}, ...chips(image));
    const value = COLUMNS[dataset.column](image, label);
    return make("td", {}, dataset.column === "mistakes" ? value : value < 0 ? "–" : value.toFixed(3));
  });
  return make("tr", {}, make("th", {scope: "row"}, link), ...cells);
}

function inWords([kind, label]) {
  const name = label === "none" ? "nothing" : labels[label] ?? "";
  return kind === "" ? name : kind in WORDS ? `${WORDS[kind]} ${name}` : `${kind} ${name}`;
}

function draw() {
  const text = filters.elements.text.value.trim().toLowerCase();
  const label = wanted.length === 1 && wanted[0][1] !== "none" ? wanted[0][1] : "";
  found = images.filter(image => image.id.toLowerCase().includes(text) && wanted.every(mark => has(image, ...mark)));
  if (column) {
    const order = (one, other) => inOrder(COLUMNS[column](one, label), COLUMNS[column](other, label));
    found.sort((one, other) => order(one, other) * (falling ? -1 : 1));
  }
  table.tBodies[0].replaceChildren(...found.slice(0, shown).map(image => row(image, label)));
  const what = wanted.filter(mark => mark.join("") !== "").map(inWords).join(", ");
  $("status").textContent = `${found.length} of ${images.length} images${what && `: ${what.trim()}`}${
    label && `; probabilities are those of ${labels[label]}`}`;
  const left = found.length - shown;
  more.hidden = left <= 0;
  more.textContent = `Show ${Math.min(left, STEP)} more of ${left}`;
}

function choose(marks) {
  wanted = marks;
  shown = STEP;
  draw();
}

// As `choose`, and the controls say so where they can.
function show(marks) {
  const [kind, label] = marks.length === 1 && marks[0][1] !== "none" ? marks[0] : ["", ""];
  filters.elements.text.value = "";
  filters.elements.label.value = label;
  if (filters.elements.kind) filters.elements.kind.value = kind;
  choose(marks);
}

sortable(table, (head, falls) => {
  [column, falling] = [head.dataset.column, falls];
  draw();
});
filters.addEventListener("input", () => {
  history.replaceState(null, "", "#images"); // so that a link to what was shown before leads there again
  choose([[filters.elements.kind?.value ?? "", filters.elements.label.value]]);
});
$("all").addEventListener("click", () => show([]));
filters.addEventListener("submit", event => event.preventDefault());
more.addEventListener("click", () => {
  shown += STEP;
  draw();
});
for (const picture of document.querySelectorAll("img[data-id]")) {
  const {id, plane} = picture.dataset;
  picture.classList.add(plane);
  picture.src = jpeg(byId.get(id), plane);
  if (plane === "composite") cover(picture, id);
}
draw();
