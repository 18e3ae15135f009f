// A closer look at one image, and what addresses within the page lead to.
const PLANES = {
  composite: "Microtubules red, protein green, nucleus blue",
  red: "Microtubules alone",
  green: "Protein alone",
  blue: "Nucleus alone",
  yellow: "Endoplasmic reticulum alone",
};
const view = $("view");
let seen = null; // the image that is looked at

function pictures(image) {
  if (!image.planes) return [make("p", {class: "absent"}, "Its picture is not part of this page.")];
  const names = Object.keys(PLANES).slice(0, image.planes.length === 2 ? 5 : 4);
  const large = make("img", {}), caption = make("figcaption");
  const buttons = names.map(name => {
    const small = make("img", {class: name, src: jpeg(image, name), alt: ""});
    const button = make("button", {type: "button"}, small, make("span", {}, name === "composite" ? "all" : name));
    button.addEventListener("click", () => choose(name));
    return button;
  });
  function choose(name) {
    large.className = `large ${name}`;
    large.src = jpeg(image, name);
    large.alt = caption.textContent = PLANES[name];
    buttons.forEach((button, place) => button.setAttribute("aria-pressed", names[place] === name));
  }
  choose("composite");
  const choice = make("div", {class: "planes", role: "group", "aria-label": "Planes"}, ...buttons);
  return [make("figure", {}, outlined(large, image.id, true), caption), choice];
}

function answer(image) {
  const marks = new Map(image.marks.map(([kind, label]) => [label, kind]));
  const order = labels.map((_, label) => label).sort((one, other) => image.probs[other] - image.probs[one]);
  const rows = order.map(label => {
    const prob = image.probs[label] / 1000, kind = marks.get(label) ?? "", threshold = thresholds?.[label];
    const remarks = [WORDS[kind], image.errors.includes(label) && WORDS.error].filter(Boolean).join(", ");
    const bar = make("div", {class: `bar ${kind}`, style: `--prob: ${prob}; --threshold: ${threshold ?? -1}`});
    const numbers = [prob, ...(thresholds ? [threshold] : [])].map(value => make("td", {}, value.toFixed(3)));
    const cells = [make("td", {class: "wide"}, bar), ...numbers, make("td", {class: "remark"}, remarks)];
    return make("tr", {}, make("th", {scope: "row"}, labels[label]), ...cells);
  });
  const names = ["probability", ...(thresholds ? ["threshold"] : [])];
  const heads = ["label", ...names].map(name => make("th", {scope: "col"}, name));
  heads.splice(1, 0, make("td")); // over the bars
  heads.push(make("th", {scope: "col", class: "remark"}, "answer"));
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...rows));
  const scroll = make("div", {class: "scroll", tabindex: 0, role: "region", "aria-label": "Probabilities"}, table);
  return [make("p", {}, ...chips(image)), scroll];
}

function look(image) {
  seen = image;
  const list = found.includes(image) ? found : images;
  const place = list.indexOf(image);
  $("view-title").textContent = image.id;
  $("view-place").textContent = `${place + 1} of ${list.length}`;
  $("view-before").disabled = place === 0;
  $("view-after").disabled = place === list.length - 1;
  $("view-pictures").replaceChildren(...pictures(image), ...cellList(image.id));
  $("view-answer").replaceChildren(...answer(image));
  if (!view.open) view.showModal();
  view.scrollTop = 0;
}

function turn(by) {
  const list = found.includes(seen) ? found : images;
  const next = list[list.indexOf(seen) + by];
  if (next) location.replace(`#image=${encodeURIComponent(next.id)}`);
}

function leave() {
  history.replaceState(null, "", "#images"); // so that the same link opens it again
  view.close();
}

// #image=ID looks at an image; #images?miss=3&false=7 shows those that have these marks.
function follow() {
  const [, name, words] = location.hash.match(/^#(image=|images\?)(.*)$/) ?? [];
  const image = name === "image=" && byId.get(decodeURIComponent(words));
  if (image) return look(image);
  if (view.open) view.close();
  if (name === "images?") {
    show([...new URLSearchParams(words)]);
    $("images").scrollIntoView({behavior: "instant"});
  }
}

$("view-before").addEventListener("click", () => turn(-1));
$("view-after").addEventListener("click", () => turn(1));
$("view-close").addEventListener("click", leave);
view.addEventListener("cancel", leave); // the key Escape
view.addEventListener("click", event => event.target === view && leave()); // beside it
view.addEventListener("keydown", ({key, target}) => {
  const by = {ArrowLeft: -1, ArrowRight: 1}[key];
  if (by && !target.closest(".scroll")) turn(by); // in there the keys scroll
});
addEventListener("hashchange", follow);
follow();
