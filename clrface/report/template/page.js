"use strict";
{
  const store = JSON.parse(document.getElementById("store").textContent);
  const say = (text) => { document.getElementById("said").textContent = text; };

  for (const img of document.querySelectorAll("img[data-image]")) {
    const address = store.images[img.dataset.image];
    if (address) img.src = address; else img.replaceWith(reason(store.reasons[img.dataset.image]));
  }

  function reason(text) {
    const place = document.createElement("p");
    place.className = "reason";
    place.textContent = text || "no image";
    return place;
  }

  // ---- tables: best first, then worst first; what was not measured stays last

  const places = { text: (cell) => cell.textContent.trim(), number: (cell) => cell.dataset.value === "" ? null : Number(cell.dataset.value) };

  function sort(table, heading) {
    const text = heading.dataset.order === "text";
    const again = heading.getAttribute("aria-sort") !== "none" && !heading.hasAttribute("data-reversed");
    const upwards = (heading.dataset.order !== "higher") !== again;
    const read = (row) => (text ? places.text : places.number)(row.cells[heading.cellIndex]);
    const compare = (a, b) => text ? a.localeCompare(b, "en", { numeric: true }) : a < b ? -1 : a > b ? 1 : 0;
    const keyed = [...table.tBodies[0].rows].map((row) => [read(row), row]);
    keyed.sort(([a], [b]) => a === null || b === null ? (a === null) - (b === null) : compare(a, b) * (upwards ? 1 : -1));
    table.tBodies[0].append(...keyed.map(([, row]) => row));
    for (const other of table.tHead.rows[0].cells) { other.setAttribute("aria-sort", "none"); other.removeAttribute("data-reversed"); }
    heading.setAttribute("aria-sort", upwards ? "ascending" : "descending");
    heading.toggleAttribute("data-reversed", again);
    say(`Sorted by ${heading.textContent.trim()}: ${upwards ? "ascending" : "descending"}.`);
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    for (const heading of table.tHead.rows[0].cells) {
      heading.querySelector("button").addEventListener("click", () => sort(table, heading));
    }
  }

  // ---- before and after

  function show(viewer) {
    const face = viewer.querySelector("input[type=radio]:checked").value;
    const names = {};
    for (const [side, layer] of [["before", "under"], ["after", "over"]]) {
      const select = viewer.querySelector(`select[data-side=${side}]`);
      const key = `${viewer.dataset.set}/${select.value}/${face}`;
      const name = names[side] = select.selectedOptions[0].textContent;
      const img = viewer.querySelector(`img.${layer}`), why = viewer.querySelector(`.reason.${layer}`);
      img.hidden = !(key in store.images);
      why.hidden = !img.hidden;
      if (img.hidden) { img.removeAttribute("src"); why.textContent = `${name}: ${store.reasons[key] || "no image"}`; }
      else img.src = store.images[key];
      img.alt = `${name}, face ${face}`;
      viewer.querySelector(`th[data-name=${side}]`).textContent = name;
      viewer.querySelector(`.side.${side === "before" ? "left" : "right"}`).textContent = name;
      viewer.querySelectorAll(`td[data-of=${side}]`).forEach((cell, place) => { cell.textContent = (store.scores[key] || [])[place] || "–"; });
    }
    for (const row of viewer.querySelectorAll(".face tbody tr")) {
      const [before, after] = ["before", "after"].map((side) => row.querySelector(`td[data-of=${side}]`));
      const gain = (number(after) - number(before)) * (row.dataset.better === "higher" ? 1 : -1);
      before.classList.toggle("ahead", gain < 0);
      after.classList.toggle("ahead", gain > 0);
    }
    slide(viewer, names);
  }

  function number(cell) {
    return cell.textContent === "inf" ? Infinity : Number.parseFloat(cell.textContent);
  }

  function slide(viewer, names) {
    const range = viewer.querySelector("input[type=range]");
    names ??= Object.fromEntries(["before", "after"].map((side) => [side, viewer.querySelector(`select[data-side=${side}]`).selectedOptions[0].textContent]));
    viewer.querySelector(".stage").style.setProperty("--at", range.value);
    range.setAttribute("aria-valuetext", `${range.value} % ${names.before}, ${100 - range.value} % ${names.after}`);
  }

  for (const viewer of document.querySelectorAll(".viewer")) {
    viewer.addEventListener("change", () => show(viewer));
    viewer.querySelector("input[type=range]").addEventListener("input", () => slide(viewer));
    const pixels = viewer.querySelector(".pixels input");
    pixels.addEventListener("change", () => viewer.classList.toggle("sharp", pixels.checked));
    show(viewer);
  }
}
