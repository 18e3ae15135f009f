// Tables that are sorted by the buttons in their heads.
const $ = id => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function inOrder(one, other) {
  const numbers = Number(one) - Number(other);
  return Number.isNaN(numbers) ? String(one).localeCompare(String(other), undefined, {numeric: true}) : numbers;
}

// `sort` is told a head and whether its column falls; names rise first, numbers fall.
function sortable(table, sort) {
  const heads = [...table.tHead.rows[0].cells];
  for (const head of heads) {
    const button = make("button", {type: "button"}, ...head.childNodes);
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const falling = before ? before === "ascending" : head !== heads[0];
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      sort(head, falling);
    });
  }
}

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  sortable(table, (head, falling) => {
    const value = row => row.cells[head.cellIndex].dataset.value ?? row.cells[head.cellIndex].textContent.trim();
    const order = (one, other) => inOrder(value(one), value(other)) * (falling ? -1 : 1);
    body.append(...[...body.rows].sort(order));
  });
}
